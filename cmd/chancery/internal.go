package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"time"
)

// health is what a server says of itself on the internal port.
type health struct {
	Ready    bool   `json:"ready"`
	Issuer   string `json:"issuer"`
	Version  string `json:"version"`
	Database string `json:"database"`
	// LeaseAgeMillis is how long ago the restrictions were last known to be complete.
	LeaseAgeMillis int64 `json:"lease_age_ms"`
	UptimeSeconds  int64 `json:"uptime_seconds"`
}

// readyPeriod is how often readiness is asked for at the start.
const readyPeriod = 5 * time.Millisecond

// internalHandler answers /livez, for whether to restart the process, /readyz,
// for whether to send it requests, and has profiles below /debug/pprof/.
func (a *app) internalHandler() http.Handler {
	started := time.Now()
	version, _ := buildVersion()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		h := health{
			Ready: a.replica.Ready(), Issuer: a.info.Issuer, Version: version, Database: a.stores.name,
			LeaseAgeMillis: a.replica.LeaseAge().Milliseconds(), UptimeSeconds: int64(time.Since(started) / time.Second),
		}
		w.Header().Set("Content-Type", "application/json")
		if !h.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(h)
	})
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// waitReady returns when the first answers can be given, or when ctx ends.
func (a *app) waitReady(ctx context.Context) error {
	tick := time.NewTicker(readyPeriod)
	defer tick.Stop()
	for !a.replica.Ready() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}
