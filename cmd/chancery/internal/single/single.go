// Package single is 'chancery serve': every service in one process, on what it
// embeds.
package single

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"github.com/chancery-auth/chancery/pkg/kek"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/bus"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/demo"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/demo/seed"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/folder"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/process"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/provider"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/store"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtrace"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/telemetry"
)

// Command is "chancery serve": every service in one process.
type Command struct {
	folder.Folder
	HTTP      string   `help:"Address of the public HTTP endpoints. Port 0 picks a free one." default:"127.0.0.1:8080" placeholder:"ADDR" name:"http"`
	GRPC      string   `help:"Address of the gRPC services." default:"127.0.0.1:9090" placeholder:"ADDR" name:"grpc"`
	Internal  string   `help:"Address of health and readiness." default:"127.0.0.1:0" placeholder:"ADDR"`
	Preset    string   `help:"Provider to be: the name of a preset (see 'chancery preset list') or the path of a preset file." default:"chancery" placeholder:"NAME|FILE" env:"CHANCERY_PRESET"`
	Issuer    string   `help:"URL that tokens name as their issuer. Default: the HTTP address, as localhost, with the path of the preset." placeholder:"URL"`
	Database  string   `help:"URL of a Postgres database; with a password it goes into the variable. Default: an embedded database below the data folder." placeholder:"URL" env:"CHANCERY_DATABASE"`
	KEK       string   `help:"Key-encryption key: file:PATH or env:NAME. Default: a file below the data folder, made when there is none." name:"kek" placeholder:"URI" env:"CHANCERY_KEK"`
	TLSCert   string   `help:"File with the certificate chain of the HTTP endpoints." name:"tls-cert" placeholder:"FILE" type:"existingfile"`
	TLSKey    string   `help:"File with the certificate's key." name:"tls-key" placeholder:"FILE" type:"existingfile"`
	Proxies   []string `help:"Address range of a reverse proxy that may say whom it forwards for; may be repeated." name:"trusted-proxy" sep:"none" placeholder:"CIDR"`
	Demo      bool     `help:"Make a user, workspaces and clients, and serve a small app that shows the whole flow. Only on a loopback address."`
	Unlimited bool     `help:"Lift the limits on requests from one address and of one client. For load tests: one client can then keep the server busy." name:"unsafe-no-rate-limits"`
	OTLP      string   `help:"host:port of an OpenTelemetry collector on this machine, which gets every trace (OTLP over gRPC, plain text)." name:"otlp" placeholder:"ADDR"`
	LogLevel  string   `help:"debug, info, warn or error." default:"info" placeholder:"LEVEL"`
	JSON      bool     `help:"Print one line of JSON when ready to answer." name:"json"`

	preset preset.Preset // that Preset names, once checked
}

// drainTime is how long requests that run may take to finish at the end.
const drainTime = 10 * time.Second

// Run implements the command. It returns when ctx ends and everything has
// stopped, or at the first part that fails.
func (c *Command) Run(ctx context.Context, s terminal.Streams) error {
	log, err := c.logger(s)
	if err != nil {
		return err
	}
	process.TuneMemory()
	if err := c.check(); err != nil {
		return err
	}
	unlock, err := c.Acquire()
	if err != nil {
		return err
	}
	defer unlock()
	l, err := process.Listen(ctx, process.Addresses{HTTP: c.HTTP, GRPC: c.GRPC, Internal: c.Internal})
	if err != nil {
		return err
	}
	defer l.Close()
	return c.serve(ctx, s, l, log)
}

// serve runs the server on what it embeds.
func (c *Command) serve(ctx context.Context, s terminal.Streams, l *process.Listeners, log *slog.Logger) error {
	cfg, err := c.config(l, log)
	if err != nil {
		return err
	}
	g := &process.Ground{}
	if c.Demo {
		g.Demo = demo.Path
	}
	defer g.Close()
	b, err := c.prepare(ctx, g, log)
	if err != nil {
		return err
	}
	p, err := process.New(roles.All(), cfg, *g, l, log)
	if err != nil {
		return err
	}
	info := folder.Server{
		Issuer: cfg.Issuer, HTTP: process.AddressOf(l.HTTP), GRPC: process.AddressOf(l.GRPC), Internal: process.AddressOf(l.Internal),
		NATS: b.Address(), NATSUser: bus.User, NATSPasswordFile: c.BusPasswordFile(),
	}
	var data *seed.Data
	if c.Demo {
		if data, err = c.addDemo(ctx, p, cfg.Issuer); err != nil {
			return fmt.Errorf("make the demo: %w", err)
		}
	}
	err = p.Serve(ctx, func() error { return c.announce(s, info, data) })
	if removeErr := os.Remove(c.ServerFile()); removeErr != nil && !errors.Is(removeErr, os.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	return err
}

// config is the configuration that the flags stand for.
func (c *Command) config(l *process.Listeners, log *slog.Logger) (*config.Config, error) {
	cfg := config.Default()
	cfg.Preset = c.Preset
	cfg.Issuer = c.issuerFor(l.HTTP.Addr())
	cfg.Drain = config.Drain{Timeout: drainTime}
	cfg.NATS.Replicas = 1
	proxies, err := c.trustedProxies()
	if err != nil {
		return nil, err
	}
	cfg.Gateway.TrustedProxies = proxies
	cfg.Gateway.Limits.UnsafeUnlimited, cfg.Limits.UnsafeUnlimited = c.Unlimited, c.Unlimited
	if c.Unlimited {
		log.Warn("there is no limit on requests from one address and of one client", slog.String("flag", "--unsafe-no-rate-limits"))
	}
	return cfg, nil
}

// prepare makes everything that one process needs by itself.
func (c *Command) prepare(ctx context.Context, g *process.Ground, log *slog.Logger) (*bus.Embedded, error) {
	err := g.OpenTelemetry(ctx, telemetry.Options{Service: "chancery", OTLP: c.OTLP, OTLPInsecure: true, SampleRatio: 1, Log: log})
	if err != nil {
		return nil, err
	}
	if g.Stores, err = c.openStores(ctx, g.Telemetry, log); err != nil {
		return nil, err
	}
	g.OnClose(g.Stores.Close)
	b, err := bus.Start(c.Folder)
	if err != nil {
		return nil, err
	}
	g.Bus = b.Conn
	g.OnClose(b.Close)
	if g.KEK, err = c.openKEK(); err != nil {
		return nil, err
	}
	if g.HTTPTLS, err = process.PublicTLS(c.TLSCert, c.TLSKey); err != nil {
		return nil, err
	}
	credential, err := c.OpenCredential()
	if err != nil {
		return nil, err
	}
	g.Identify = folder.IdentifyAdmin(credential)
	return b, nil
}

// openStores opens the database that the flags name.
func (c *Command) openStores(ctx context.Context, t *telemetry.Telemetry, log *slog.Logger) (store.Stores, error) {
	if c.Database == "" {
		return store.OpenSQLite(ctx, c.DatabaseFile())
	}
	urls := map[string]string{}
	for _, role := range roles.All() {
		if role != roles.Gateway {
			urls[role] = c.Database
		}
	}
	return store.OpenPostgres(ctx, urls, pg.Options{Tracer: pgtrace.QueryTracer(t)}, log)
}

// addDemo makes the demo, and serves its app beside the edge.
func (c *Command) addDemo(ctx context.Context, p *process.Process, issuer string) (*seed.Data, error) {
	made, err := seed.Open(ctx, c.Folder, seed.Config{Conn: p.Admin(), Preset: p.Preset, Issuer: issuer})
	if err != nil {
		return nil, err
	}
	party, err := demo.New(demo.Config{
		Brand: p.Preset.Brand.Name, Issuer: issuer, Origin: provider.Origin(issuer),
		ClientID: made.Client.ClientID, ClientSecret: made.Client.ClientSecret, AuthMethod: made.Client.AuthMethod,
		Scopes: p.Preset.Scopes, Now: time.Now,
	})
	if err != nil {
		return nil, err
	}
	p.Mount(demo.Path, party.Handler())
	return made, nil
}

// announce tells scripts and people where the server is.
func (c *Command) announce(s terminal.Streams, info folder.Server, made *seed.Data) error {
	content, err := json.Marshal(info)
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.ServerFile(), content, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", c.ServerFile(), err)
	}
	if c.JSON {
		return terminal.JSON(s.Out, Ready{
			Ready: true, Preset: c.preset.Name, Server: info, AdminCredential: c.CredentialFile(), Demo: made,
		})
	}
	return c.welcome(s, info, made)
}

// Ready is the line that scripts wait for.
type Ready struct {
	Ready  bool   `json:"ready"`
	Preset string `json:"preset"`
	folder.Server
	AdminCredential string     `json:"admin_credential"`
	Demo            *seed.Data `json:"demo,omitempty"`
}

// welcome is the same for people.
func (c *Command) welcome(s terminal.Streams, info folder.Server, made *seed.Data) error {
	fmt.Fprintf(s.Out, "Chancery is ready.\n\n  preset     %s\n  issuer     %s\n  discovery  %s/.well-known/openid-configuration\n  gRPC       %s\n  health     http://%s/readyz\n  data       %s\n",
		c.preset.Name, info.Issuer, info.Issuer, info.GRPC, info.Internal, c.Data)
	if made != nil {
		origin := provider.Origin(info.Issuer)
		fmt.Fprintf(s.Out, "\nTry it: open %s%s\n\n  sign in as  %s\n  password    %s\n\n  apps that you allowed   %s/account/apps\n  apps of your workspace  %s/developer/apps\n  apps for everybody      %s/apps\n",
			origin, demo.Path, made.User.Username, made.User.Password, origin, origin, origin)
	}
	_, err := fmt.Fprint(s.Out, "\nPress Ctrl-C to stop.\n")
	return err
}

func (c *Command) logger(s terminal.Streams) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return nil, fmt.Errorf("--log-level %s: want debug, info, warn or error", c.LogLevel)
	}
	return telemetry.NewLogger(s.Err, level), nil
}

// check refuses flags that contradict each other, or that are not safe.
func (c *Command) check() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key belong together")
	}
	if c.Demo && !loopback(c.HTTP) {
		return errors.New("--demo has well-known passwords: it needs an --http address on loopback")
	}
	for _, address := range []string{c.GRPC, c.Internal} {
		if !loopback(address) {
			return fmt.Errorf("%s is not a loopback address: gRPC and health are plain text in this mode", address)
		}
	}
	if c.OTLP != "" && !loopback(c.OTLP) {
		return fmt.Errorf("--otlp %s is not a loopback address: traces are sent in plain text in this mode", c.OTLP)
	}
	var err error
	if c.preset, err = provider.Load(c.Preset); err != nil {
		return err
	}
	return c.checkIssuer()
}

func (c *Command) openKEK() (*kek.Key, error) {
	if c.KEK != "" {
		return kek.Open(c.KEK)
	}
	return kek.Open("file:"+c.KEKFile(), kek.Create())
}

// trustedProxies reads the flag.
func (c *Command) trustedProxies() ([]netip.Prefix, error) {
	proxies := make([]netip.Prefix, 0, len(c.Proxies))
	for _, text := range c.Proxies {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxy %s: want an address range such as 10.0.0.0/8 or 127.0.0.1/32", text)
		}
		proxies = append(proxies, prefix)
	}
	return proxies, nil
}
