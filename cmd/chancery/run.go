package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/cmd/chancery/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/build"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/kek"
	"github.com/chancery-auth/chancery/pkg/mtls"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtrace"
	"github.com/chancery-auth/chancery/pkg/telemetry"
)

// runCommand is "chancery run": some of the services in this process, the others
// elsewhere.
type runCommand struct {
	Services string `arg:"" help:"What to run: one or more of gateway, authorize, token, consent, introspection, registry and directory, separated by commas." placeholder:"SERVICE,…"`
	Config   string `help:"Configuration file: see 'chancery config print --defaults'." required:"" placeholder:"FILE" type:"path" env:"CHANCERY_CONFIG"`
	GRPC     string `help:"Address of the gRPC services, in place of listen.grpc." name:"grpc" placeholder:"ADDR"`
	HTTP     string `help:"Address of the public endpoints, in place of listen.http." name:"http" placeholder:"ADDR"`
	Internal string `help:"Address of health and metrics, in place of listen.internal." placeholder:"ADDR"`
	JSON     bool   `help:"Print one line of JSON when ready to answer." name:"json"`
}

// Run implements the command. It returns when ctx ends and everything has
// stopped, or at the first part that fails.
func (c *runCommand) Run(ctx context.Context, s terminal.Streams) error {
	r, err := roles.Parse(c.Services)
	if err != nil {
		return err
	}
	cfg, err := c.load(r)
	if err != nil {
		return err
	}
	log := telemetry.NewLogger(s.Err, cfg.Log.Level).With(slog.String("services", strings.Join(r, ",")))
	for _, warning := range cfg.Warnings() {
		log.WarnContext(ctx, "configuration", slog.String("warning", warning))
	}
	tuneMemory()
	l, err := listen(ctx, addressesOf(r, cfg))
	if err != nil {
		return err
	}
	defer l.close()
	g := &ground{}
	defer g.close()
	if err := c.prepare(ctx, g, r, cfg, log); err != nil {
		return err
	}
	p, err := newProcess(r, cfg, *g, l, log)
	if err != nil {
		return err
	}
	return p.serve(ctx, func() error { return c.announce(s, p) })
}

// load reads the configuration, puts the flags in place of what it says, and checks
// what the roles need. A file with mistakes is told all of them at once.
func (c *runCommand) load(r roles.Set) (*config.Config, error) {
	cfg, err := config.Load(c.Config, os.LookupEnv)
	if err != nil {
		_, err = config.Load(c.Config, os.LookupEnv, r...)
		return nil, err
	}
	c.override(cfg)
	return cfg, cfg.Validate(r)
}

// override puts the flags in place of what the file says.
func (c *runCommand) override(cfg *config.Config) {
	for _, each := range []struct {
		flag string
		to   *string
	}{{c.GRPC, &cfg.Listen.GRPC}, {c.HTTP, &cfg.Listen.HTTP}, {c.Internal, &cfg.Listen.Internal}} {
		if each.flag != "" {
			*each.to = each.flag
		}
	}
}

// addressesOf are those that a process with the roles listens to.
func addressesOf(r roles.Set, cfg *config.Config) addresses {
	a := addresses{internal: cfg.Listen.Internal}
	if r.ServeGRPC() {
		a.grpc = cfg.Listen.GRPC
	}
	if r.Has(roles.Gateway) {
		a.http = cfg.Listen.HTTP
	}
	return a
}

// prepare connects to what the roles need of other processes.
func (c *runCommand) prepare(ctx context.Context, g *ground, r roles.Set, cfg *config.Config, log *slog.Logger) error {
	identity, err := openIdentity(cfg, log)
	if err != nil {
		return err
	}
	if err := checkBusName(r, cfg, identity.Names()); err != nil {
		return err
	}
	g.runners = append(g.runners, identity.Watch)
	g.identify = grpcserve.ByCertificate(identity.Domain())
	g.peerNames = func(ctx context.Context) []string { return mtls.PeerNames(ctx, identity.Domain()) }
	g.grpcTLS = identity.ServerTLS(clientCertificate(r))
	for _, step := range []func() error{
		func() error { return g.setTelemetry(ctx, r, cfg, log) },
		func() error { return g.openDatabases(ctx, r, cfg, log) },
		func() error { return g.openKeys(r, cfg) },
		func() error { return g.connect(ctx, r, cfg, identity, log) },
		func() error { return g.openPublicTLS(r, cfg) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	g.telemetry.ObserveCertificate(identity.ExpireTime)
	return nil
}

// openIdentity reads the certificate by which peers know this process.
func openIdentity(cfg *config.Config, log *slog.Logger) (*mtls.Identity, error) {
	m := cfg.MutualTLS
	return mtls.Load(
		mtls.Files{Authority: m.Authority, Certificate: m.Certificate, Key: m.Key, Revoked: m.Revoked},
		mtls.Options{Domain: m.Domain, Now: time.Now, Log: log})
}

// checkBusName refuses a certificate by which NATS would take the process for
// another role than the one that publishes events, or that hears of restrictions:
// it goes by the first name.
func checkBusName(r roles.Set, cfg *config.Config, names []string) error {
	if len(r) < 2 || len(names) == 0 || !strings.HasPrefix(cfg.NATS.Servers[0], "tls://") {
		return nil
	}
	for _, role := range []string{roles.Registry, roles.Introspection} {
		if r.Has(role) && names[0] != role {
			return fmt.Errorf("NATS knows this process as %s, the first name in its certificate, which lacks the rights of %s: run %s in a process of its own, or put its name first", names[0], role, role)
		}
	}
	return nil
}

// clientCertificate is what a server with the roles asks of its clients. Platform
// APIs may introspect with a token in place of a certificate, unless the process
// also has roles whose methods for anyone are the gateway's to guard.
func clientCertificate(r roles.Set) mtls.ClientCertificate {
	if r.Has(roles.Introspection) && !r.Has(roles.Token) && !r.Has(roles.Authorize) {
		return mtls.IfGiven
	}
	return mtls.Required
}

func (g *ground) setTelemetry(ctx context.Context, r roles.Set, cfg *config.Config, log *slog.Logger) error {
	version, _ := build.Version()
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("read the host's name: %w", err)
	}
	t, err := telemetry.Setup(ctx, telemetry.Options{
		Service: strings.Join(r, ","), Version: version, Instance: fmt.Sprintf("%s/%d", host, os.Getpid()),
		OTLP: cfg.Telemetry.OTLP, OTLPInsecure: cfg.Telemetry.OTLPInsecure, SampleRatio: cfg.Telemetry.SampleRatio,
		Log: log, Now: time.Now,
	})
	if err != nil {
		return err
	}
	g.telemetry = t
	g.closers = append(g.closers, func() { shutDown(t) })
	return nil
}

// openDatabases opens those of the roles.
func (g *ground) openDatabases(ctx context.Context, r roles.Set, cfg *config.Config, log *slog.Logger) error {
	urls := map[string]string{}
	for _, role := range r {
		if role == roles.Gateway {
			continue
		}
		url, err := cfg.DatabaseOf(role).Resolve()
		if err != nil {
			return fmt.Errorf("database of %s: %w", role, err)
		}
		urls[role] = url.Reveal()
	}
	opened, err := postgres{pg.Options{Tracer: pgtrace.QueryTracer(g.telemetry)}, log}.open(ctx, urls)
	if err != nil {
		return err
	}
	g.stores = opened
	g.closers = append(g.closers, opened.close)
	return nil
}

// openKeys reads the keys that come from outside.
func (g *ground) openKeys(r roles.Set, cfg *config.Config) (err error) {
	if r.Has(roles.Token) {
		if g.kek, err = kek.Open(cfg.KeyEncryptionKey.URI()); err != nil {
			return err
		}
	}
	if r.ServeGRPC() {
		g.hintKey, err = cfg.NATS.HintKeyBytes()
	}
	return err
}

// connect makes the connections to NATS and to the other roles.
func (g *ground) connect(ctx context.Context, r roles.Set, cfg *config.Config, identity *mtls.Identity, log *slog.Logger) error {
	if r.ServeGRPC() {
		nc, err := connectBus(ctx, cfg.NATS.Servers, natsTLS(cfg, identity), strings.Join(r, ","), log)
		if err != nil {
			return err
		}
		g.bus = nc
		g.closers = append(g.closers, nc.Close)
	}
	g.remote = map[string]grpc.ClientConnInterface{}
	for _, role := range config.Remote(r) {
		conn, err := dialRole(cfg, identity, role)
		if err != nil {
			return err
		}
		g.remote[role] = conn
		g.closers = append(g.closers, func() { _ = conn.Close() })
	}
	return nil
}

// natsTLS is nil for servers on this machine that speak plain text.
func natsTLS(cfg *config.Config, identity *mtls.Identity) *tls.Config {
	if strings.HasPrefix(cfg.NATS.Servers[0], "nats://") {
		return nil
	}
	return identity.ClientTLS("nats")
}

// dialRole connects to the processes that have the role.
func dialRole(cfg *config.Config, identity *mtls.Identity, role string) (*grpc.ClientConn, error) {
	return grpcserve.Dial(grpcserve.Target{
		Address: cfg.TargetOf(role), Role: role, TLS: identity.ClientTLS(role), Now: time.Now,
	})
}

// openPublicTLS reads the certificate of the public endpoints, and reads it again
// when its file changes.
func (g *ground) openPublicTLS(r roles.Set, cfg *config.Config) error {
	files := cfg.Gateway.TLS
	if !r.Has(roles.Gateway) || files.Certificate == "" {
		return nil
	}
	public, err := openPublicCertificate(files.Certificate, files.Key)
	if err != nil {
		return err
	}
	g.httpTLS = &tls.Config{GetCertificate: public.get, MinVersion: tls.VersionTLS12}
	return nil
}

// announce tells scripts and people where the process is.
func (c *runCommand) announce(s terminal.Streams, p *process) error {
	l := p.listeners
	info := runInfo{
		Ready: true, Services: p.roles, Preset: p.preset.Name, Issuer: p.config.Issuer,
		HTTP: addressOf(l.http), GRPC: addressOf(l.grpc), Internal: addressOf(l.internal),
	}
	if c.JSON {
		return terminal.JSON(s.Out, info)
	}
	fmt.Fprintf(s.Out, "Chancery is ready: %s.\n\n", strings.Join(p.roles, ", "))
	for _, line := range [][2]string{{"preset", info.Preset}, {"issuer", info.Issuer}, {"HTTP", info.HTTP}, {"gRPC", info.GRPC}, {"health", "http://" + info.Internal + "/readyz"}} {
		if line[1] != "" {
			fmt.Fprintf(s.Out, "  %-8s %s\n", line[0], line[1])
		}
	}
	return nil
}

// runInfo is what a process says when it is ready.
type runInfo struct {
	Ready    bool     `json:"ready"`
	Services []string `json:"services"`
	Preset   string   `json:"preset"`
	Issuer   string   `json:"issuer"`
	HTTP     string   `json:"http,omitempty"`
	GRPC     string   `json:"grpc,omitempty"`
	Internal string   `json:"internal"`
}
