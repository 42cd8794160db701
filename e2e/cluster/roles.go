package cluster

import (
	"bytes"
	"context"
	_ "embed" // the configuration's template
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"text/template"
	"time"
)

const (
	gateway = "gateway"
	admin   = "admin"
	// Platform is the name in the certificate of an API of the platform, which
	// may introspect tokens.
	Platform = "platform"

	probeTimeout = time.Second
)

// Roles are those of the chancery processes, in the order of their start.
func Roles() []string {
	return []string{"registry", "directory", "consent", "token", "authorize", "introspection", gateway}
}

// replicas is how many processes have a role.
func replicas(role string) int {
	switch role {
	case "registry", "token", "introspection":
		return 3
	default:
		return 2
	}
}

//go:embed config.yaml.tmpl
var configText string

// configFile is what the configuration of one process says.
type configFile struct {
	Name, Role, Issuer   string
	Database             string // file below keys; empty for none
	NATS                 []string
	GRPC, HTTP, Internal string
	Targets              map[string]string
	Unlimited            bool
	PublishLead          time.Duration
	Platform             string
}

func (f configFile) write(path string) error {
	parsed, err := template.New("config").Parse(configText)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := parsed.Execute(&text, f); err != nil {
		return err
	}
	return os.WriteFile(path, text.Bytes(), 0o600)
}

// addRoles chooses the addresses of all processes, since each has to know those
// of the others before it starts.
func (c *Cluster) addRoles(ctx context.Context) error {
	for _, role := range Roles() {
		for i := range replicas(role) {
			p, err := c.newRole(ctx, role, i)
			if err != nil {
				return err
			}
			c.roles[role] = append(c.roles[role], p)
		}
	}
	return nil
}

func (c *Cluster) newRole(ctx context.Context, role string, replica int) (*Process, error) {
	p := c.process(numbered(role, replica))
	address := &p.GRPC
	if role == gateway {
		address = &p.HTTP
	}
	if err := c.choose(ctx, p.Name, address); err != nil {
		return nil, err
	}
	if err := c.choose(ctx, p.Name+" internal", &p.Internal); err != nil {
		return nil, err
	}
	p.command = func() *exec.Cmd {
		return exec.Command(c.o.Binary, "run", role, "--config", c.config(p.Name)) //nolint:gosec,noctx // It outlives whoever starts it.
	}
	p.ready = probe("http://" + p.Internal + "/readyz")
	p.signal, p.death = syscall.SIGTERM, syscall.SIGKILL
	return p, nil
}

// config is the path of a process's configuration.
func (c *Cluster) config(name string) string { return c.layout.file("config", name+".yaml") }

// probe asks for a URL, which answers with a status below 300 when it is ready.
func probe(url string) func(context.Context) error {
	client := &http.Client{Timeout: probeTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode >= http.StatusMultipleChoices {
			return fmt.Errorf("%s answers %s", url, resp.Status)
		}
		return nil
	}
}

// targets say where each service is, for gRPC.
func (c *Cluster) targets() map[string]string {
	targets := map[string]string{}
	for role, processes := range c.roles {
		if role == gateway {
			continue
		}
		var addresses []string
		for _, p := range processes {
			addresses = append(addresses, p.GRPC)
		}
		targets[role] = "static:///" + strings.Join(addresses, ",")
	}
	return targets
}

// configure writes the configuration of a process of the role.
func (c *Cluster) configure(p *Process, role string) error {
	links := c.linksOf(p.Name)
	file := configFile{
		Name: p.Name, Role: role, Issuer: c.Issuer, NATS: links.nats, Targets: c.targets(), Unlimited: c.o.Unlimited,
		GRPC: p.GRPC, HTTP: p.HTTP, Internal: p.Internal, Platform: Platform, PublishLead: c.o.PublishLead,
	}
	if !slices.Contains([]string{gateway, admin}, role) {
		file.Database = p.Name + ".database"
		if err := c.writeDatabase(role, file.Database, links.postgres); err != nil {
			return err
		}
	}
	return file.write(c.config(p.Name))
}

// writeDatabase writes the URL that a role reaches the database with.
func (c *Cluster) writeDatabase(role, file, address string) error {
	url := c.Postgres.url(databaseRole(role), address)
	return os.WriteFile(c.layout.file("keys", file), []byte(url+"\n"), 0o600)
}
