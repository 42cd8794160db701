package process

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/provider"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/gateway"
)

// makeEdge makes the public HTTP server, where the process is a gateway.
func (p *Process) makeEdge() error {
	if !p.roles.Has(roles.Gateway) {
		return nil
	}
	brand, err := provider.Brand(p.Preset)
	if err != nil {
		return err
	}
	edge, err := gateway.New(gateway.Config{
		Issuer: p.config.Issuer, Preset: p.Preset, Brand: brand, Bound: p.config.RevocationBound,
		TrustedProxies: p.config.Gateway.TrustedProxies, HSTS: p.config.Gateway.HSTS.Header(), Limits: limitsOf(p.config.Gateway.Limits),
	}, gateway.Deps{
		Services: p.conn(roles.Gateway), Log: p.log, Now: time.Now, Limiter: p.limiter,
		Tracer: p.Telemetry.Tracer(), Observe: p.Telemetry.HTTP(gateway.Endpoints()...),
	})
	if err != nil {
		return err
	}
	return p.serveEdge(edge)
}

// serveEdge makes handler what the public server answers with. Once the process is
// about to end, each answer ends its connection, so that clients turn away before
// it takes no more.
func (p *Process) serveEdge(handler http.Handler) (err error) {
	p.http, err = gateway.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		handler.ServeHTTP(w, r)
	}), p.HTTPTLS, p.config.Gateway.TrustedProxies, p.refused)
	if err != nil {
		return err
	}
	p.http.ErrorLog = slog.NewLogLogger(p.log.Handler(), slog.LevelInfo)
	return nil
}

// limitsOf are the gateway's limits as the configuration has them.
func limitsOf(l config.Limits) gateway.Limits {
	if l.UnsafeUnlimited {
		return gateway.Limits{Clients: rate.Inf, Holders: rate.Inf, Browsers: rate.Inf}
	}
	return gateway.Limits{Clients: rate.Limit(l.Clients), Holders: rate.Limit(l.Holders), Browsers: rate.Limit(l.Browsers)}
}

// Mount serves what is at path, and below it, beside the edge.
func (p *Process) Mount(path string, handler http.Handler) {
	edge := p.http.Handler
	// No mux around the edge: one would tidy paths that the edge refuses.
	p.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path || strings.HasPrefix(r.URL.Path, path+"/") {
			handler.ServeHTTP(w, r)
			return
		}
		edge.ServeHTTP(w, r)
	})
}
