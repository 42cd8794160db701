package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/build"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/telemetry"
)

// shutDownTimeout is how long the last spans may take to be sent.
const shutDownTimeout = 2 * time.Second

// health is what a process says of itself on the internal port.
type health struct {
	Ready    bool   `json:"ready"`
	Draining bool   `json:"draining"`
	Services string `json:"services"`
	Issuer   string `json:"issuer"`
	Version  string `json:"version"`
	Database string `json:"database,omitempty"`
	// DatabaseUsable is false when a database that the roles work with does not
	// answer; nil where they have no pool.
	DatabaseUsable *bool `json:"database_usable,omitempty"`
	// LeaseAgeMillis is how long ago the restrictions were last known to be
	// complete; nil without the role of introspection.
	LeaseAgeMillis *int64 `json:"lease_age_ms,omitempty"`
	// RestrictionsLoaded is the part of the restriction log that has been read, 0 to 1;
	// nil without the role of introspection.
	RestrictionsLoaded *float64 `json:"restrictions_loaded,omitempty"`
	// ClockDisagrees says that nothing is swept or dropped, because the clocks of the
	// database and of the process are more than five minutes apart.
	ClockDisagrees bool  `json:"clock_disagrees,omitempty"`
	UptimeSeconds  int64 `json:"uptime_seconds"`
}

// health is now's.
func (p *process) health() health {
	version, _ := build.Version()
	h := health{
		Ready: p.ready(), Draining: p.draining.Load(), Services: strings.Join(p.roles, ","),
		Issuer: p.config.Issuer, Version: version, Database: p.stores.name,
		UptimeSeconds: int64(time.Since(p.started) / time.Second),
	}
	h.ClockDisagrees = p.sweeper.Stats().ClockDisagrees
	if len(p.stores.monitors) > 0 {
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
func (p *process) internalHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /readyz", p.answerHealth)
	mux.Handle("GET /metrics", p.telemetry.MetricsHandler())
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

func (p *process) answerHealth(w http.ResponseWriter, _ *http.Request) {
	h := p.health()
	w.Header().Set("Content-Type", "application/json")
	if !h.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h)
}

// observe puts what the parts say of themselves into the metrics.
func (p *process) observe() {
	t := p.telemetry
	t.ObserveReady(p.ready)
	t.ObserveHints(func() telemetry.HintStats { return telemetry.HintStats(p.hints.Stats()) })
	t.ObserveSweep(p.sweeper.Stats)
	if p.replica != nil {
		t.ObserveReplica(p.replicaStats)
	}
	if p.stores.outbox != nil {
		t.ObserveOutbox(p.stores.outbox.Lag)
	}
	for name, pool := range p.stores.pools {
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

func (p *process) replicaStats() telemetry.ReplicaStats {
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

// shutDown ends the telemetry, with a moment for what is still to be sent.
func shutDown(t *telemetry.Telemetry) {
	ctx, cancel := context.WithTimeout(context.Background(), shutDownTimeout)
	defer cancel()
	_ = t.Shutdown(ctx) // a collector that is away must not keep the process
}
