// Package process is a chancery with its roles: the services, what carries calls to
// them, and what keeps their answers true from start to end. It knows neither flags
// nor where what it stands on comes from: see [Ground].
package process

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/provider"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// callDeadline bounds every call; a sign-in takes the longest, for its password.
const callDeadline = 5 * time.Second

// Process is a chancery with its roles, made and not yet started.
type Process struct {
	Ground
	config    *config.Config
	roles     roles.Set
	listeners *Listeners
	log       *slog.Logger
	Preset    preset.Preset
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

// New makes the services of the roles, and what carries calls to them. It
// starts nothing. The preset is the one that the configuration names.
func New(r roles.Set, c *config.Config, g Ground, l *Listeners, log *slog.Logger) (*Process, error) {
	loaded, err := provider.Load(c.Preset)
	if err != nil {
		return nil, err
	}
	log.Info("preset", slog.String("name", loaded.Name), slog.String("issuer", c.Issuer))
	p := &Process{
		Ground: g, config: c, roles: r, listeners: l, log: log, Preset: loaded,
		relayWake: event.NewSignal(), started: time.Now(),
	}
	p.limiter = ratelimit.New(time.Now, g.Telemetry.Counters().RateLimited)
	p.hints = coherent.NewHints(g.Bus, coherent.HintOptions{Keep: preset.RestrictionKeep, Key: g.HintKey, Log: log})
	if r.Has(roles.Introspection) {
		state := coherent.NewState(int64(c.Introspection.Memory))
		p.replica = coherent.New(g.Stores.Source, state, coherent.Options{Bound: c.RevocationBound, Log: log})
	}
	if err := p.makeServers(); err != nil {
		return nil, err
	}
	p.services = newServices(r, parts{
		config: c, preset: p.Preset, stores: g.Stores, kek: g.KEK, demo: g.Demo, hints: p.hints, replica: p.replica,
		counters: g.Telemetry.Counters(), log: log, now: time.Now, conn: p.conn, peerNames: g.PeerNames,
		limiter: p.limiter,
	})
	p.sweeper = sweep.NewRunner(time.Now, log, append(p.services.sweeps(), g.Stores.Sweeps...)...)
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
func (p *Process) makeServers() (err error) {
	options := grpcserve.Options{
		Log: p.log, Tracer: p.Telemetry.Tracer(), Deadline: callDeadline, Unavailable: p.unavailable,
		Observe: p.Telemetry.RPC(), Now: time.Now,
		Drain: grpcserve.Drain{Delay: p.config.Drain.Delay, Timeout: p.config.Drain.Timeout},
	}
	if p.local, err = grpcserve.NewLocal(options); err != nil {
		return err
	}
	options.Identify, options.Limits = p.Identify, p.callLimits()
	options.Admission, options.Refused = admissionOf(p.config.Connections), p.refused
	var creds credentials.TransportCredentials
	if p.GRPCTLS != nil {
		creds = credentials.NewTLS(p.GRPCTLS)
	}
	if p.grpc, err = grpcserve.NewServer(options, creds); err != nil {
		return err
	}
	p.grpc.SetServing(false)
	return nil
}

// Admin is the connection on which an admin reaches the services of this process.
func (p *Process) Admin() grpc.ClientConnInterface { return p.local.Conn(grpcserve.Admin) }

// unavailable reports whether err says that the database, of either kind, cannot
// do it now.
func (p *Process) unavailable(err error) bool {
	if errors.Is(err, pg.ErrUnknownOutcome) {
		p.Telemetry.Counters().UnknownCommit(context.Background())
	}
	return pg.Unavailable(err) || sqlite.Unavailable(err)
}

// conn is the connection on which the caller reaches the other roles: those of
// this process within it, the others over the network.
func (p *Process) conn(caller grpcserve.Caller) grpc.ClientConnInterface {
	routes := make(map[string]grpc.ClientConnInterface, len(p.Remote)+len(p.roles))
	for role, conn := range p.Remote {
		routes[role] = conn
	}
	for _, role := range p.roles {
		routes[role] = p.local.Conn(caller)
	}
	return grpcserve.Route(routes)
}

// refused counts a connection that was refused or ended.
func (p *Process) refused(reason string) {
	p.Telemetry.Counters().ConnectionRefused(context.Background(), reason)
}

// admissionOf is what connections may take, as the configuration has it.
func admissionOf(c config.Connections) grpcserve.Admission {
	return grpcserve.Admission{
		Connections: c.Most, PerSource: c.PerSource, Memory: int64(c.Memory), ReceiveTimeout: c.ReceiveTimeout,
	}
}

// callLimits are those of the gRPC port.
func (p *Process) callLimits() grpcserve.Limits {
	l := p.config.Limits
	if l.UnsafeUnlimited {
		return grpcserve.Limits{}
	}
	return grpcserve.Limits{Limiter: p.limiter, Clients: rate.Limit(l.Clients), Holders: rate.Limit(l.Holders)}
}
