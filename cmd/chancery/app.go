package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/gateway"
	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/kek"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/telemetry"
)

const (
	// callDeadline bounds every call; a sign-in takes the longest, for its password.
	callDeadline = 5 * time.Second
	sweepPeriod  = time.Minute
	// stateMemory bounds the restrictions in memory, in bytes.
	stateMemory = 256 << 20
)

// app is the one-process server, made and not yet started.
type app struct {
	info      serverInfo
	listeners *listeners
	log       *slog.Logger
	preset    preset.Preset
	stores    stores
	services  services
	replica   *coherent.Replica
	state     *coherent.State
	hints     *coherent.Hints
	local     *grpcserve.Local
	grpc      *grpcserve.Server
	http      *http.Server
	internal  *http.Server
	demo      *demoData // nil without --demo
	closers   []func()
}

// newApp makes the server. What it opened is closed by close, or here if it fails.
func newApp(ctx context.Context, c *serveCommand, l *listeners, log *slog.Logger) (_ *app, err error) {
	a := &app{listeners: l, log: log, preset: preset.Default()}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	a.info = serverInfo{
		Issuer: c.issuerFor(l.http.Addr()), HTTP: l.http.Addr().String(),
		GRPC: l.grpc.Addr().String(), Internal: l.internal.Addr().String(),
	}
	if a.stores, err = c.openStores(ctx); err != nil {
		return nil, err
	}
	a.closers = append(a.closers, a.stores.close)
	bus, err := startBus()
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, bus.close)
	if err := a.joinServices(c, bus.conn); err != nil {
		return nil, err
	}
	if err := a.services.load(ctx); err != nil {
		return nil, err
	}
	return a, a.makeEdge(ctx, c)
}

// joinServices makes the services, and what carries calls to them.
func (a *app) joinServices(c *serveCommand, bus *nats.Conn) error {
	key, err := c.openKEK()
	if err != nil {
		return err
	}
	credential, err := c.openCredential()
	if err != nil {
		return err
	}
	a.state = coherent.NewState(stateMemory)
	a.replica = coherent.New(a.stores.source, a.state, coherent.Options{Log: a.log})
	a.hints = coherent.NewHints(bus, preset.RestrictionKeep, a.log)
	tracer := a.tracer()
	options := grpcserve.Options{Log: a.log, Tracer: tracer, Deadline: callDeadline, Unavailable: unavailable}
	if a.local, err = grpcserve.NewLocal(options); err != nil {
		return err
	}
	options.Identify = adminOf(credential)
	if a.grpc, err = grpcserve.NewServer(options, nil); err != nil {
		return err
	}
	a.services = newServices(parts{
		issuer: a.info.Issuer, preset: a.preset, stores: a.stores, kek: key, hints: a.hints, replica: a.replica,
		log: a.log, now: time.Now, conn: a.local.Conn,
	})
	for _, registrar := range []grpc.ServiceRegistrar{a.local, a.grpc} {
		a.services.register(registrar)
	}
	return nil
}

// unavailable reports whether err says that the database, of either kind, cannot
// do it now.
func unavailable(err error) bool { return pg.Unavailable(err) || sqlite.Unavailable(err) }

// tracer makes the spans of this process.
func (a *app) tracer() trace.Tracer {
	provider := telemetry.NewTracerProvider()
	// Nothing is exported, so nothing can be lost.
	a.closers = append(a.closers, func() { _ = provider.Shutdown(context.Background()) })
	return provider.Tracer("github.com/chancery-auth/chancery")
}

func (c *serveCommand) openKEK() (*kek.Key, error) {
	if c.KEK != "" {
		return kek.Open(c.KEK)
	}
	return kek.Open("file:"+c.kek(), kek.Create())
}

// makeEdge makes the HTTP servers.
func (a *app) makeEdge(ctx context.Context, c *serveCommand) error {
	clients := newEdgeClients(a.local.Conn("gateway"))
	proxies, err := c.trustedProxies()
	if err != nil {
		return err
	}
	edge, err := gateway.New(gateway.Config{
		Issuer: a.info.Issuer, Preset: a.preset, Bound: a.replica.Bound(), TrustedProxies: proxies, Limits: c.limits(a.log),
	}, gateway.Deps{
		Authorize: clients.authorize, Token: clients.token, Introspection: clients.introspection,
		Registry: clients.registry, OAuth: clients.conn, Log: a.log, Now: time.Now, Tracer: a.tracer(),
	})
	if err != nil {
		return err
	}
	handler := edge
	if c.Demo {
		if handler, err = a.withDemo(ctx, c, edge); err != nil {
			return fmt.Errorf("make the demo: %w", err)
		}
	}
	config, err := c.tlsConfig()
	if err != nil {
		return err
	}
	a.http = gateway.Server(handler, config)
	a.http.ErrorLog = slog.NewLogLogger(a.log.Handler(), slog.LevelInfo)
	a.internal = &http.Server{Handler: a.internalHandler(), ReadHeaderTimeout: 5 * time.Second}
	return nil
}

// trustedProxies reads the flag.
func (c *serveCommand) trustedProxies() ([]netip.Prefix, error) {
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

// limits are the gateway's own, unless they are lifted.
func (c *serveCommand) limits(log *slog.Logger) gateway.Limits {
	if !c.Unlimited {
		return gateway.Limits{}
	}
	log.Warn("there is no limit on requests from one address", slog.String("flag", "--unsafe-no-rate-limits"))
	return gateway.Limits{Clients: rate.Inf, Holders: rate.Inf, Browsers: rate.Inf}
}

// tlsConfig is nil for plain HTTP.
func (c *serveCommand) tlsConfig() (*tls.Config, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("load the certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}

// start runs every part in the group until ctx ends.
func (a *app) start(ctx context.Context, group *errgroup.Group) {
	// Hints first, so that none falls between the load and the subscription.
	group.Go(func() error {
		if err := a.hints.Subscribe(ctx, a.state); err != nil {
			return err
		}
		return a.replica.Run(ctx)
	})
	group.Go(func() error { return a.grpc.Serve(ctx, a.listeners.grpc) })
	group.Go(func() error { return serveHTTP(ctx, a.http, a.listeners.http) })
	group.Go(func() error { return serveHTTP(ctx, a.internal, a.listeners.internal) })
	sweeper := coherent.Sweeper{Sweep: a.stores.sweep, Period: sweepPeriod, Log: a.log}
	group.Go(func() error { return sweeper.Run(ctx) })
	group.Go(func() error { return a.sweep(ctx) })
}

// sweep lets every service forget what is over, now and then.
func (a *app) sweep(ctx context.Context) error {
	tick := time.NewTicker(sweepPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, sweep := range a.services.sweeps() {
			if err := sweep(ctx); err != nil && !errors.Is(err, context.Canceled) {
				a.log.WarnContext(ctx, "sweep fails", slog.Any("error", err))
			}
		}
	}
}

// close closes what is open, last first.
func (a *app) close() {
	for i := len(a.closers) - 1; i >= 0; i-- {
		a.closers[i]()
	}
	a.closers = nil
}
