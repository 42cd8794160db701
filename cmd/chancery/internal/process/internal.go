package process

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/build"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/health"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/telemetry"
)

// health is now's.
func (p *Process) health() health.State {
	version, _ := build.Version()
	h := health.State{
		Ready: p.ready(), Draining: p.draining.Load(), Services: strings.Join(p.roles, ","),
		Issuer: p.config.Issuer, Version: version, Database: p.Stores.Name,
		UptimeSeconds: int64(time.Since(p.started) / time.Second),
	}
	h.ClockDisagrees = p.sweeper.Stats().ClockDisagrees
	if len(p.Stores.Monitors) > 0 {
		usable := p.databaseUsable()
		h.DatabaseUsable = &usable
	}
	if p.replica != nil {
		age := p.replica.LeaseAge().Milliseconds()
		stats := p.replica.Stats()
		h.LeaseAgeMillis, h.RestrictionsLoaded = &age, &stats.Loaded
		h.ClockDisagrees = h.ClockDisagrees || stats.ClockDisagrees
	}
	return h
}

// internalServer answers on the internal port, over HTTP/2 as well, for the tools
// that ask for reflection.
func internalServer(handler http.Handler) *http.Server {
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, Protocols: &http.Protocols{}}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	return s
}

// internalHandler answers /livez, for whether to restart the process, /readyz,
// for whether to send it requests, and /metrics. It has profiles below
// /debug/pprof/, and tells over gRPC which methods there are.
func (p *Process) internalHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /readyz", p.answerHealth)
	mux.Handle("GET /metrics", p.Telemetry.MetricsHandler())
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	if p.roles.ServeGRPC() {
		reflection := grpcserve.Reflection(p.grpc)
		mux.Handle("POST /grpc.reflection.v1.ServerReflection/", reflection)
		mux.Handle("POST /grpc.health.v1.Health/", reflection)
	}
	return mux
}

func (p *Process) answerHealth(w http.ResponseWriter, _ *http.Request) {
	h := p.health()
	w.Header().Set("Content-Type", "application/json")
	if !h.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h)
}

// observe puts what the parts say of themselves into the metrics.
func (p *Process) observe() {
	t := p.Telemetry
	t.ObserveReady(p.ready)
	t.ObserveHints(func() telemetry.HintStats { return telemetry.HintStats(p.hints.Stats()) })
	t.ObserveSweep(p.sweeper.Stats)
	if p.replica != nil {
		t.ObserveReplica(p.replicaStats)
	}
	if p.Stores.Outbox != nil {
		t.ObserveOutbox(p.Stores.Outbox.Lag)
	}
	for name, pool := range p.Stores.Pools {
		t.ObservePool(name, func() telemetry.PoolStats { return poolStats(pool) })
	}
	for _, s := range p.services {
		if k, ok := s.(interface {
			KeyAges() map[string]time.Duration
		}); ok {
			t.ObserveKeys(k.KeyAges)
		}
	}
}

func (p *Process) replicaStats() telemetry.ReplicaStats {
	s := p.replica.Stats()
	return telemetry.ReplicaStats{
		LeaseAge: s.LeaseAge, Polls: s.Polls, FailedPolls: s.FailedPolls, PollRows: s.PollRows,
		IdentityChanges: s.IdentityChanges, Stale: s.Stale, LastPoll: s.LastPoll,
		Restrictions: s.Restrictions, Bytes: s.Bytes, LostClients: s.LostClients,
		Loaded: s.Loaded, ClockDisagrees: s.ClockDisagrees,
	}
}

func poolStats(pool *pgxpool.Pool) telemetry.PoolStats {
	s := pool.Stat()
	return telemetry.PoolStats{
		Acquired: int64(s.AcquiredConns()), Idle: int64(s.IdleConns()), Constructing: int64(s.ConstructingConns()),
		Max: int64(s.MaxConns()), AcquireWait: s.EmptyAcquireWaitTime(),
	}
}
