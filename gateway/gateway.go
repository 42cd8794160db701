package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/document"
	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// Config configures the edge.
type Config struct {
	// Issuer is the issuer identifier: an https URL without query, fragment or
	// trailing slash; http for trials. Every URL in an answer starts with it or
	// with its origin, whatever a request says.
	Issuer string
	Preset preset.Preset
	// Brand is the preset's, with the logo that it names.
	Brand pages.Brand
	// Bound is how long a revocation may go unnoticed by an introspection, as
	// published in the metadata. It is the introspection service's own.
	Bound time.Duration
	// TrustedProxies may say whom they forward for (X-Forwarded-For), and
	// continue a trace.
	TrustedProxies []netip.Prefix
	// HSTS is the Strict-Transport-Security header (RFC 6797 §6.1); empty for none.
	// It is sent where the issuer is https.
	HSTS   string
	Limits Limits
}

// Limits are how many requests a second one address block may make to the endpoints
// that authenticate clients, to those for holders of tokens and readers of metadata,
// and to authorize and the pages, where many people share one address. [rate.Inf] is
// no limit.
type Limits struct {
	Clients, Holders, Browsers rate.Limit
}

// Deps are what the edge calls.
type Deps struct {
	// Services leads to every service.
	Services grpc.ClientConnInterface
	Log      *slog.Logger
	Now      func() time.Time
	// Limiter counts requests by class and source. Nil: nothing is limited.
	Limiter *ratelimit.Limiter
	// Tracer opens the span of a request.
	Tracer trace.Tracer
	// Observe is told how each request ended, by one of [Endpoints]. Nil: nobody
	// is.
	Observe func(ctx context.Context, endpoint string, status int, took time.Duration)
}

// gateway is what the table of routes is made of. It is safe for concurrent use.
type gateway struct {
	Config
	Deps
	*answer.Answers
	provider document.Provider
}

// New returns the handler of every public endpoint. It starts nothing. Fails
// with everything that is wrong with cfg.
func New(cfg Config, deps Deps) (http.Handler, error) {
	issuer, err := parseIssuer(cfg.Issuer)
	if err != nil {
		return nil, err
	}
	renderer, err := pages.New(cfg.Brand)
	if err != nil {
		return nil, fmt.Errorf("prepare pages: %w", err)
	}
	if cfg.Preset.Registration.Mode == preset.RegistrationOff {
		cfg.Preset.Paths.Registration = "" // It is not offered, as other endpoints without a path.
	}
	g := &gateway{
		Config: cfg, Deps: deps,
		Answers: &answer.Answers{Issuer: cfg.Issuer, Pages: renderer, Log: deps.Log},
		provider: document.Provider{
			Issuer: cfg.Issuer, Origin: issuer.Scheme + "://" + issuer.Host, Path: issuer.Path, Preset: cfg.Preset, Bound: cfg.Bound,
		},
	}
	routes, err := g.routes()
	if err != nil {
		return nil, err
	}
	if issuer.Scheme != "https" {
		cfg.HSTS = "" // RFC 6797 §7.2
	}
	registry := registryv1.NewRegistryServiceClient(deps.Services)
	e, err := edge.New(edge.Config{
		Routes:         routes,
		NotFound:       g.RefuseUnknown,
		TrustedProxies: cfg.TrustedProxies,
		HSTS:           cfg.HSTS,
		// Whether a web origin belongs to some client.
		Origins: func(ctx context.Context, origin string) (bool, error) {
			resp, err := registry.CheckOrigin(ctx, &registryv1.CheckOriginRequest{Origin: origin})
			return resp.GetRegistered(), err
		},
		Limiter: deps.Limiter,
		Log:     deps.Log,
		Now:     deps.Now,
		Tracer:  deps.Tracer,
		Observe: deps.Observe,
	})
	if err != nil {
		return nil, fmt.Errorf("lay out endpoints: %w", err)
	}
	return e, nil
}

// parseIssuer is OIDC Discovery 1.0 §3 and RFC 8414 §2, with http for trials.
func parseIssuer(issuer string) (*url.URL, error) {
	u, err := url.Parse(issuer)
	switch {
	case err != nil:
		return nil, fmt.Errorf("parse issuer: %w", err)
	case u.Scheme != "https" && u.Scheme != "http", u.Host == "", u.User != nil:
		return nil, errors.New("issuer: want an https URL")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(issuer, "#") || strings.HasSuffix(issuer, "/"):
		return nil, errors.New("issuer: want no query, fragment or trailing slash")
	case issuer != u.Scheme+"://"+u.Host+u.Path:
		return nil, errors.New("issuer: want no escapes in it")
	}
	return u, nil
}
