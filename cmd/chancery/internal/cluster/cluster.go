// Package cluster is 'chancery run': some of the services in this process, the
// others elsewhere.
package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/process"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/pkg/telemetry"
)

// Command is "chancery run": some of the services in this process, the others
// elsewhere.
type Command struct {
	Services string `arg:"" help:"What to run: one or more of gateway, authorize, token, consent, introspection, registry and directory, separated by commas." placeholder:"SERVICE,…"`
	Config   string `help:"Configuration file: see 'chancery config print --defaults'." required:"" placeholder:"FILE" type:"path" env:"CHANCERY_CONFIG"`
	GRPC     string `help:"Address of the gRPC services, in place of listen.grpc." name:"grpc" placeholder:"ADDR"`
	HTTP     string `help:"Address of the public endpoints, in place of listen.http." name:"http" placeholder:"ADDR"`
	Internal string `help:"Address of health and metrics, in place of listen.internal." placeholder:"ADDR"`
	JSON     bool   `help:"Print one line of JSON when ready to answer." name:"json"`
}

// Run implements the command. It returns when ctx ends and everything has
// stopped, or at the first part that fails.
func (c *Command) Run(ctx context.Context, s terminal.Streams) error {
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
	process.TuneMemory()
	l, err := process.Listen(ctx, addressesOf(r, cfg))
	if err != nil {
		return err
	}
	defer l.Close()
	g := &process.Ground{}
	defer g.Close()
	if err := prepare(ctx, g, r, cfg, log); err != nil {
		return err
	}
	p, err := process.New(r, cfg, *g, l, log)
	if err != nil {
		return err
	}
	info := runInfo{
		Ready: true, Services: r, Preset: p.Preset.Name, Issuer: cfg.Issuer,
		HTTP: process.AddressOf(l.HTTP), GRPC: process.AddressOf(l.GRPC), Internal: process.AddressOf(l.Internal),
	}
	return p.Serve(ctx, func() error { return c.announce(s, info) })
}

// load reads the configuration, puts the flags in place of what it says, and checks
// what the roles need. A file with mistakes is told all of them at once.
func (c *Command) load(r roles.Set) (*config.Config, error) {
	cfg, err := config.Load(c.Config, os.LookupEnv)
	if err != nil {
		_, err = config.Load(c.Config, os.LookupEnv, r...)
		return nil, err
	}
	c.override(cfg)
	return cfg, cfg.Validate(r)
}

// override puts the flags in place of what the file says.
func (c *Command) override(cfg *config.Config) {
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
func addressesOf(r roles.Set, cfg *config.Config) process.Addresses {
	a := process.Addresses{Internal: cfg.Listen.Internal}
	if r.ServeGRPC() {
		a.GRPC = cfg.Listen.GRPC
	}
	if r.Has(roles.Gateway) {
		a.HTTP = cfg.Listen.HTTP
	}
	return a
}

// announce tells scripts and people where the process is.
func (c *Command) announce(s terminal.Streams, info runInfo) error {
	if c.JSON {
		return terminal.JSON(s.Out, info)
	}
	fmt.Fprintf(s.Out, "Chancery is ready: %s.\n\n", strings.Join(info.Services, ", "))
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
