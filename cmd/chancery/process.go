package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/chancery-auth/chancery/cmd/chancery/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/cmd/chancery/provider"
	"github.com/chancery-auth/chancery/gateway"
	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/kek"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/telemetry"
)

// callDeadline bounds every call; a sign-in takes the longest, for its password.
const callDeadline = 5 * time.Second

// ground is what a process stands on: "serve" embeds it, "run" connects to it.
type ground struct {
	stores stores
	kek    *kek.Key // nil without the role of token
	bus    *nats.Conn
	// hintKey authenticates restrictions on the bus; nil where the bus is within.
	hintKey []byte
	// remote leads to the roles of other processes.
	remote map[string]grpc.ClientConnInterface
	// grpcTLS and httpTLS are nil for plain text.
	grpcTLS, httpTLS *tls.Config
	// demo is the path of the demo at the issuer's origin; empty for no demo.
	demo string
	// identify names the callers of a call from outside.
	identify func(context.Context) []grpcserve.Caller
	// peerNames are the names in the certificate of a call's peer; nil without
	// certificates.
	peerNames func(context.Context) []string
	telemetry *telemetry.Telemetry
	runners   []runner
	closers   []func()
}

// close closes what is open, last first.
func (g *ground) close() {
	for i := len(g.closers) - 1; i >= 0; i-- {
		g.closers[i]()
	}
	g.closers = nil
}

// process is a chancery with its roles, made and not yet started.
type process struct {
	ground
	config    *config.Config
	roles     roles.Set
	listeners *listeners
	log       *slog.Logger
	preset    preset.Preset
	services  services
	sweeper   *sweep.Runner
	replica   *coherent.Replica // nil without the role of introspection
	hints     *coherent.Hints
	limiter   *ratelimit.Limiter
	local     *grpcserve.Local
	grpc      *grpcserve.Server
	http      *http.Server // nil without the role of gateway
	internal  *http.Server
	relayWake event.Signal
	started   time.Time
	loaded    atomic.Bool // the services are prepared
	draining  atomic.Bool // the process is about to end
}

// newProcess makes the services of the roles, and what carries calls to them. It
// starts nothing. The preset is the one that the configuration names.
func newProcess(r roles.Set, c *config.Config, g ground, l *listeners, log *slog.Logger) (*process, error) {
	loaded, err := provider.Load(c.Preset)
	if err != nil {
		return nil, err
	}
	log.Info("preset", slog.String("name", loaded.Name), slog.String("issuer", c.Issuer))
	p := &process{
		ground: g, config: c, roles: r, listeners: l, log: log, preset: loaded,
		relayWake: event.NewSignal(), started: time.Now(),
	}
	p.limiter = ratelimit.New(time.Now, g.telemetry.Counters().RateLimited)
	p.hints = coherent.NewHints(g.bus, coherent.HintOptions{Keep: preset.RestrictionKeep, Key: g.hintKey, Log: log})
	if r.Has(roles.Introspection) {
		state := coherent.NewState(int64(c.Introspection.Memory))
		p.replica = coherent.New(g.stores.source, state, coherent.Options{Bound: c.RevocationBound, Log: log})
	}
	if err := p.makeServers(); err != nil {
		return nil, err
	}
	p.services = newServices(r, parts{
		config: c, preset: p.preset, stores: g.stores, kek: g.kek, demo: g.demo, hints: p.hints, replica: p.replica,
		counters: g.telemetry.Counters(), log: log, now: time.Now, conn: p.conn, peerNames: g.peerNames,
		limiter: p.limiter,
	})
	p.sweeper = sweep.NewRunner(time.Now, log, append(p.services.sweeps(), g.stores.sweeps...)...)
	p.services.register(p.local)
	p.services.register(p.grpc)
	if err := p.makeEdge(); err != nil {
		return nil, err
	}
	p.internal = internalServer(p.internalHandler())
	p.observe()
	return p, nil
}

// makeServers makes the two ways into the services: within the process, and over
// the network.
func (p *process) makeServers() (err error) {
	options := grpcserve.Options{
		Log: p.log, Tracer: p.telemetry.Tracer(), Deadline: callDeadline, Unavailable: p.unavailable,
		Observe: p.telemetry.RPC(), Now: time.Now,
		Drain: grpcserve.Drain{Delay: p.config.Drain.Delay, Timeout: p.config.Drain.Timeout},
	}
	if p.local, err = grpcserve.NewLocal(options); err != nil {
		return err
	}
	options.Identify, options.Limits = p.identify, p.callLimits()
	options.Admission, options.Refused = admissionOf(p.config.Connections), p.refused
	var creds credentials.TransportCredentials
	if p.grpcTLS != nil {
		creds = credentials.NewTLS(p.grpcTLS)
	}
	if p.grpc, err = grpcserve.NewServer(options, creds); err != nil {
		return err
	}
	p.grpc.SetServing(false)
	return nil
}

// unavailable reports whether err says that the database, of either kind, cannot
// do it now.
func (p *process) unavailable(err error) bool {
	if errors.Is(err, pg.ErrUnknownOutcome) {
		p.telemetry.Counters().UnknownCommit(context.Background())
	}
	return pg.Unavailable(err) || sqlite.Unavailable(err)
}

// conn is the connection on which the caller reaches the other roles: those of
// this process within it, the others over the network.
func (p *process) conn(caller grpcserve.Caller) grpc.ClientConnInterface {
	routes := make(map[string]grpc.ClientConnInterface, len(p.remote)+len(p.roles))
	for role, conn := range p.remote {
		routes[role] = conn
	}
	for _, role := range p.roles {
		routes[role] = p.local.Conn(caller)
	}
	return grpcserve.Route(routes)
}

// makeEdge makes the public HTTP server, where the process is a gateway.
func (p *process) makeEdge() error {
	if !p.roles.Has(roles.Gateway) {
		return nil
	}
	brand, err := brandOf(p.preset)
	if err != nil {
		return err
	}
	edge, err := gateway.New(gateway.Config{
		Issuer: p.config.Issuer, Preset: p.preset, Brand: brand, Bound: p.config.RevocationBound,
		TrustedProxies: p.config.Gateway.TrustedProxies, HSTS: p.config.Gateway.HSTS.Header(), Limits: limitsOf(p.config.Gateway.Limits),
	}, gateway.Deps{
		Services: p.conn(roles.Gateway), Log: p.log, Now: time.Now, Limiter: p.limiter,
		Tracer: p.telemetry.Tracer(), Observe: p.telemetry.HTTP(gateway.Endpoints()...),
	})
	if err != nil {
		return err
	}
	return p.serveEdge(edge)
}

// serveEdge makes handler what the public server answers with. Once the process is
// about to end, each answer ends its connection, so that clients turn away before
// it takes no more.
func (p *process) serveEdge(handler http.Handler) (err error) {
	p.http, err = gateway.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		handler.ServeHTTP(w, r)
	}), p.httpTLS, p.config.Gateway.TrustedProxies, p.refused)
	if err != nil {
		return err
	}
	p.http.ErrorLog = slog.NewLogLogger(p.log.Handler(), slog.LevelInfo)
	return nil
}

// refused counts a connection that was refused or ended.
func (p *process) refused(reason string) {
	p.telemetry.Counters().ConnectionRefused(context.Background(), reason)
}

// admissionOf is what connections may take, as the configuration has it.
func admissionOf(c config.Connections) grpcserve.Admission {
	return grpcserve.Admission{
		Connections: c.Most, PerSource: c.PerSource, Memory: int64(c.Memory), ReceiveTimeout: c.ReceiveTimeout,
	}
}

// callLimits are those of the gRPC port.
func (p *process) callLimits() grpcserve.Limits {
	l := p.config.Limits
	if l.UnsafeUnlimited {
		return grpcserve.Limits{}
	}
	return grpcserve.Limits{Limiter: p.limiter, Clients: rate.Limit(l.Clients), Holders: rate.Limit(l.Holders)}
}

// limitsOf are the gateway's limits as the configuration has them.
func limitsOf(l config.Limits) gateway.Limits {
	if l.UnsafeUnlimited {
		return gateway.Limits{Clients: rate.Inf, Holders: rate.Inf, Browsers: rate.Inf}
	}
	return gateway.Limits{Clients: rate.Limit(l.Clients), Holders: rate.Limit(l.Holders), Browsers: rate.Limit(l.Browsers)}
}
