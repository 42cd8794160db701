package gateway

import (
	"cmp"
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

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// Config configures the edge.
type Config struct {
	// Issuer is the issuer identifier: an https URL without query, fragment or
	// trailing slash; http for trials. Every URL in an answer starts with it or
	// with its origin, whatever a request says.
	Issuer string
	Preset preset.Preset
	// Logo is the content of the preset's logo file; zero for none.
	Logo pages.Logo
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

// Limits are the limits that depend on an installation.
type Limits struct {
	// Clients, Holders and Browsers are how many requests a second one address
	// block may make to the endpoints that authenticate clients (zero: 2,000),
	// to those for holders of tokens and readers of metadata (zero: 1,000), and to
	// authorize and the pages (zero: 300: many people share one address).
	// [rate.Inf] is no limit.
	Clients, Holders, Browsers rate.Limit
	// Deadline bounds the work on a request. Zero: 2 s.
	Deadline time.Duration
	// SignInDeadline is longer, for passwords are slow to check. Zero: 5 s.
	SignInDeadline time.Duration
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Clients:        cmp.Or(l.Clients, 2000),
		Holders:        cmp.Or(l.Holders, 1000),
		Browsers:       cmp.Or(l.Browsers, 300),
		Deadline:       cmp.Or(l.Deadline, 2*time.Second),
		SignInDeadline: cmp.Or(l.SignInDeadline, 5*time.Second),
	}
}

// Deps are what the edge calls.
type Deps struct {
	Authorize     authorizev1.AuthorizeServiceClient
	Token         tokenv1.TokenServiceClient
	Introspection introspectionv1.IntrospectionServiceClient
	Registry      registryv1.RegistryServiceClient
	Developer     registryv1.DeveloperServiceClient
	Registration  registryv1.RegistrationServiceClient
	Consent       consentv1.ConsentServiceClient
	Directory     directoryv1.DirectoryServiceClient
	// OAuth leads to the authorize, token and introspection services, for the
	// endpoints whose requests are handed on as they are.
	OAuth grpc.ClientConnInterface
	Log   *slog.Logger
	Now   func() time.Time
	// Limiter counts requests by class and source. Nil: nothing is limited.
	Limiter *ratelimit.Limiter
	// Tracer opens the span of a request.
	Tracer trace.Tracer
	// Observe is told how each request ended, by one of [Endpoints]. Nil: nobody
	// is.
	Observe func(ctx context.Context, endpoint string, status int, took time.Duration)
}

// gateway holds what the handlers share. It is safe for concurrent use.
type gateway struct {
	Config
	Deps
	// origin is that of the issuer, such as "https://as.example".
	origin string
	// issuerPath is the path of the issuer, empty or with a leading slash.
	issuerPath string
	pages      *pages.Renderer
}

// New returns the handler of every public endpoint. It starts nothing. Fails
// with everything that is wrong with cfg.
func New(cfg Config, deps Deps) (http.Handler, error) {
	cfg.Limits = cfg.Limits.withDefaults()
	issuer, err := parseIssuer(cfg.Issuer)
	if err != nil {
		return nil, err
	}
	renderer, err := pages.New(pages.Brand{
		Name:        cfg.Preset.Brand.Name,
		AccentLight: cfg.Preset.Brand.AccentLight,
		AccentDark:  cfg.Preset.Brand.AccentDark,
		Logo:        cfg.Logo,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare pages: %w", err)
	}
	g := &gateway{
		Config: cfg, Deps: deps, pages: renderer,
		origin: issuer.Scheme + "://" + issuer.Host, issuerPath: issuer.Path,
	}
	routes, err := g.routes()
	if err != nil {
		return nil, err
	}
	if issuer.Scheme != "https" {
		cfg.HSTS = "" // RFC 6797 §7.2
	}
	e, err := edge.New(edge.Config{
		Routes:         routes,
		NotFound:       g.refuseUnknown,
		TrustedProxies: cfg.TrustedProxies,
		HSTS:           cfg.HSTS,
		Origins:        g.checkOrigin,
		Limiter:        deps.Limiter,
		Log:            deps.Log,
		Now:            deps.Now,
		Tracer:         deps.Tracer,
		Observe:        deps.Observe,
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

// checkOrigin asks the registry whether a web origin belongs to some client.
func (g *gateway) checkOrigin(ctx context.Context, origin string) (bool, error) {
	resp, err := g.Registry.CheckOrigin(ctx, &registryv1.CheckOriginRequest{Origin: origin})
	if err != nil {
		return false, fmt.Errorf("check origin: %w", err)
	}
	return resp.GetRegistered(), nil
}
