package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/chancery-auth/chancery/gateway/internal/account"
	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/desk"
	"github.com/chancery-auth/chancery/gateway/internal/developer"
	"github.com/chancery-auth/chancery/gateway/internal/directory"
	"github.com/chancery-auth/chancery/gateway/internal/document"
	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/internal/endpoint"
	"github.com/chancery-auth/chancery/gateway/internal/interaction"
	"github.com/chancery-auth/chancery/gateway/internal/link"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// The work on a request is bounded, more loosely where a password is checked.
const (
	deadline       = 2 * time.Second
	signInDeadline = 5 * time.Second
)

// managementsPerRegistration is how much oftener an address may manage clients
// than register one. Each update ends a secret, which every replica has to know for
// a while: there is no need for many.
const managementsPerRegistration = 6

// Endpoints are the names that [Deps.Observe] gives endpoints: fixed ones,
// whatever the paths of the preset.
func Endpoints() []string {
	return []string{
		"account", "account_apps", "account_password", "assets", "authorize", "consent", "developer", "directory", "home",
		"introspect", "jwks", "logo", "metadata", "openapi", "par", "register", "registration", "revoke", "signin", "signout", "token",
		edge.Unknown, "userinfo", "validate",
	}
}

// routes is every endpoint there is.
func (g *gateway) routes() ([]edge.Route, error) {
	programs, err := g.programs()
	if err != nil {
		return nil, err
	}
	documents, err := g.documents()
	if err != nil {
		return nil, err
	}
	people, err := g.people()
	if err != nil {
		return nil, err
	}
	// What the preset does not offer has no path.
	return slices.DeleteFunc(slices.Concat(programs, documents, people), func(r edge.Route) bool { return r.Path == "" }), nil
}

// programs are the endpoints that programs call. Web pages of registered origins can
// call those with CORS. They cannot register: an origin is known once a client has.
func (g *gateway) programs() ([]edge.Route, error) {
	p, services := g.Preset.Paths, g.Services
	wrong := ratelimit.WrongClientsClass()
	if g.Limits.Clients == rate.Inf {
		wrong = ratelimit.Class{}
	}
	contracts, err := endpoint.NewOAuth(g.Answers, services, g.Limiter, wrong)
	if err != nil {
		return nil, err
	}
	holder := &endpoint.Holder{
		Answers: g.Answers, Introspection: introspectionv1.NewIntrospectionServiceClient(services), WorkspaceURL: g.Preset.Validate.WorkspaceURL,
	}
	registration := &endpoint.Registration{
		Answers: g.Answers, Clients: registryv1.NewRegistrationServiceClient(services), URI: g.provider.Origin + p.Registration,
	}
	clients := kind{ratelimit.Class{Name: ratelimit.Clients, Rate: g.Limits.Clients}, answer.RefuseJSON}
	routes := []edge.Route{
		cors(clients.route("token", p.Token, contracts.Endpoint(endpoint.Token), http.MethodPost)),
		cors(clients.route("revoke", p.Revoke, contracts.Endpoint(endpoint.Revoke), http.MethodPost)),
		clients.route("par", p.PushedAuthorization, contracts.Endpoint(endpoint.Push), http.MethodPost),
		clients.route("introspect", p.Introspect, contracts.Endpoint(endpoint.Introspect), http.MethodPost),
		cors(g.holders().route("userinfo", p.UserInfo, g.Bearer(holder.UserInfo), http.MethodGet, http.MethodPost)),
		g.holders().route("validate", p.Validate, g.JSON(holder.Validate), http.MethodGet),
	}
	if p.Registration != "" {
		n := g.Preset.Registration.PerHour
		register := hourly(clients.route("register", p.Registration, g.JSON(registration.Register), http.MethodPost), ratelimit.Register, n)
		manage := hourly(clients.route("registration", p.Registration+"/{client_id}", g.JSON(registration.Manage), http.MethodGet, http.MethodPut, http.MethodDelete), ratelimit.Registration, managementsPerRegistration*n)
		routes = append(routes, register, manage)
	}
	return routes, nil
}

// documents are public, and HEAD does no harm to them.
func (g *gateway) documents() ([]edge.Route, error) {
	metadata, err := g.provider.Metadata()
	if err != nil {
		return nil, err
	}
	openAPI, err := g.provider.OpenAPI()
	if err != nil {
		return nil, err
	}
	keys := &document.KeySet{Token: tokenv1.NewTokenServiceClient(g.Services), Now: g.Now}
	public := func(name, path string, h http.Handler) edge.Route {
		return head(cors(g.holders().route(name, path, h, http.MethodGet)))
	}
	routes := []edge.Route{
		public("jwks", g.Preset.Paths.JWKS, g.JSON(keys.Serve)),
		public("openapi", link.OpenAPI, openAPI),
	}
	for _, path := range g.provider.MetadataPaths() {
		routes = append(routes, public("metadata", path, metadata))
	}
	return routes, nil
}

// people are the endpoints that people come to: authorize and every page, and what
// pages are made of.
func (g *gateway) people() ([]edge.Route, error) {
	guard, err := g.crossOriginProtection()
	if err != nil {
		return nil, err
	}
	registry, directoryClient := registryv1.NewRegistryServiceClient(g.Services), directoryv1.NewDirectoryServiceClient(g.Services)
	desks := &desk.Desks{Answers: g.Answers, Authorize: authorizev1.NewAuthorizeServiceClient(g.Services)}
	steps := &interaction.Interaction{Desks: desks, Preset: g.Preset, Directory: directoryClient}
	users := &account.Pages{
		Desks: desks, Preset: g.Preset, Consent: consentv1.NewConsentServiceClient(g.Services),
		Registry: registry, Token: tokenv1.NewTokenServiceClient(g.Services), Directory: directoryClient,
	}
	apps := &developer.Pages{Desks: desks, Developer: registryv1.NewDeveloperServiceClient(g.Services), Registry: registry}
	listed := &directory.Directory{Desks: desks, Registry: registry, Workspaces: directoryClient}

	browsers := kind{ratelimit.Class{Name: ratelimit.Browsers, Rate: g.Limits.Browsers}, g.RefusePage}
	get := func(name, path string, h http.Handler) edge.Route {
		return browsers.route(name, path, h, http.MethodGet)
	}
	form := func(name, path string, h http.Handler) edge.Route {
		return browsers.route(name, path, guard.Handler(h), http.MethodGet, http.MethodPost)
	}
	assets := head(get("assets", "/assets/", g.Pages.Assets()))
	assets.Class = ratelimit.Class{}
	return []edge.Route{
		browsers.route("authorize", g.Preset.Paths.Authorize, g.Page(steps.Start), http.MethodGet, http.MethodPost),
		password(form("signin", link.SignIn, steps.SignIn())),
		form("account", link.Account, steps.Account()),
		form("consent", link.Consent, steps.Consent()),
		browsers.route("signout", link.SignOut, guard.Handler(g.Page(desks.SignOut)), http.MethodPost),
		get("home", link.Home, g.Page(steps.Home)),

		body(form("account_apps", link.AccountApps, users.Apps()), account.MaxForm),
		get("account_apps", link.Revoke, users.Revoke()),
		password(form("account_password", link.AccountPassword, users.Password())),

		get("developer", link.Developer, apps.Apps()),
		form("developer", link.NewApp, apps.New()),
		form("developer", link.App, apps.App()),
		form("developer", link.Secrets, apps.Secrets()),
		form("developer", link.Delete, apps.Delete()),
		body(form("developer", link.LogoForm, apps.Logo()), developer.MaxLogoForm),

		get("directory", link.Directory, g.Page(listed.Apps)),
		head(get("logo", link.Logos, g.Page(listed.Logo))), // A page may show many of them.

		assets,
		get("assets", "/favicon.ico", http.HandlerFunc(noContent)),
	}, nil
}

// crossOriginProtection refuses forms that another site's page sent.
func (g *gateway) crossOriginProtection() (*http.CrossOriginProtection, error) {
	guard := http.NewCrossOriginProtection()
	// Behind a proxy the Host header may not be the issuer's.
	if err := guard.AddTrustedOrigin(g.provider.Origin); err != nil {
		return nil, fmt.Errorf("trust own origin: %w", err)
	}
	guard.SetDenyHandler(g.Page(func(http.ResponseWriter, *http.Request) error { return answer.ErrForeign }))
	return guard, nil
}

// noContent is for what browsers ask for unbidden: the pages name their icon.
func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

// kind is what endpoints have in common whose callers are of one kind.
type kind struct {
	class  ratelimit.Class
	refuse edge.Refuser
}

func (k kind) route(name, path string, h http.Handler, methods ...string) edge.Route {
	return edge.Route{Name: name, Path: path, Methods: methods, Handler: h, Class: k.class, Deadline: deadline, Refuse: k.refuse}
}

// holders call endpoints where a token stands for itself.
func (g *gateway) holders() kind {
	return kind{ratelimit.Class{Name: ratelimit.Holders, Rate: g.Limits.Holders}, answer.RefuseJSON}
}

// hourly allows so many requests an hour, where requests are limited at all.
func hourly(r edge.Route, class string, n int) edge.Route {
	if r.Class.Rate != rate.Inf {
		r.Class = ratelimit.Class{Name: class, Rate: rate.Limit(n) / 3600, Burst: n}
	}
	return r
}

func cors(r edge.Route) edge.Route {
	r.CORS = true
	return r
}

func head(r edge.Route) edge.Route {
	r.Head = true
	return r
}

func password(r edge.Route) edge.Route {
	r.Deadline = signInDeadline
	return r
}

func body(r edge.Route, most int64) edge.Route {
	r.Body = most
	return r
}
