package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// oauthForm is the limits of a form of an OAuth endpoint. A token that is too
// long to be one is answered like any other that is not good.
func oauthForm() form.Limits {
	return form.Limits{
		Parameters: 64, Value: 4 << 10,
		Long: map[string]int{"client_assertion": 16 << 10, "token": 64 << 10},
	}
}

// authorizeForm lets values pass that are too long for their parameter: the
// service refuses them, so that the client is told.
func authorizeForm() form.Limits { return form.Limits{Parameters: 64, Value: 16 << 10} }

// pageForm has room for a consent that names many workspaces.
func pageForm() form.Limits { return form.Limits{Parameters: 1024, Value: 4 << 10} }

// routes is every endpoint there is.
func (g *gateway) routes() ([]edge.Route, error) {
	mux, err := g.oauthMux()
	if err != nil {
		return nil, err
	}
	metadata, err := g.metadata()
	if err != nil {
		return nil, err
	}
	openAPI, err := g.openAPI()
	if err != nil {
		return nil, err
	}
	guard, err := g.crossOriginProtection()
	if err != nil {
		return nil, err
	}
	p := g.Preset.Paths
	routes := []edge.Route{
		named("token", g.clients(p.Token, true, g.oauthEndpoint(mux, tokenMethod))),
		named("revoke", g.clients(p.Revoke, true, g.oauthEndpoint(mux, revokeMethod))),
		named("par", g.clients(p.PushedAuthorization, false, g.oauthEndpoint(mux, pushMethod))),
		named("introspect", g.clients(p.Introspect, false, g.oauthEndpoint(mux, introspectMethod))),
		named("userinfo", g.holders(p.UserInfo, http.HandlerFunc(g.userInfo), http.MethodGet, http.MethodPost)),
		named("validate", g.validateRoute(p.Validate)),
		named("jwks", g.document(p.JWKS, &keySet{token: g.Token, fail: g.writeError, now: g.Now})),
		named("openapi", g.document(openAPIPath, openAPI)),
		named("authorize", g.browsers(p.Authorize, http.HandlerFunc(g.authorize), http.MethodGet, http.MethodPost)),
	}
	for _, path := range g.metadataPaths() {
		routes = append(routes, named("metadata", g.document(path, metadata)))
	}
	routes = append(routes, g.registrationRoutes()...)
	routes = append(routes, g.pageRoutes(guard.Handler)...)
	// What the preset does not offer has no path.
	return slices.DeleteFunc(routes, func(r edge.Route) bool { return r.Path == "" }), nil
}

// pageRoutes is every page, and what pages are made of. guard refuses forms of
// other sites.
func (g *gateway) pageRoutes(guard func(http.Handler) http.Handler) []edge.Route {
	get, form := []string{http.MethodGet}, []string{http.MethodGet, http.MethodPost}
	apps := named("account_apps", g.browsers(accountAppsPath, guard(g.accountApps()), form...))
	apps.Body = maxGrantForm
	password := named("account_password", g.browsers(accountPasswordPath, guard(g.accountPassword()), form...))
	password.Deadline = g.Limits.SignInDeadline
	routes := []edge.Route{
		named("home", g.browsers(homePath, http.HandlerFunc(g.home), get...)),
		named("assets", g.browsers("/favicon.ico", http.HandlerFunc(noContent), get...)),
		named("assets", g.assets()),
		named("signout", g.browsers(signOutPath, guard(http.HandlerFunc(g.signOut)), http.MethodPost)),
		named("directory", g.browsers(directoryPath, http.HandlerFunc(g.appDirectory), get...)),
		named("logo", g.logos()),
		apps,
		password,
		named("account_apps", g.browsers(revokePath, guard(g.confirmRevoke()), get...)),
	}
	for path, d := range g.dialogs() {
		route := named(strings.TrimPrefix(path, "/"), g.browsers(path, guard(d), form...))
		if d.page == authorizev1.Interaction_PAGE_SIGN_IN {
			route.Deadline = g.Limits.SignInDeadline
		}
		routes = append(routes, route)
	}
	for path, d := range g.developerDesks() {
		methods := form
		if d.act == nil {
			methods = get
		}
		route := named("developer", g.browsers(path, guard(d), methods...))
		if path == logoFormPath {
			route.Body = maxLogoForm
		}
		routes = append(routes, route)
	}
	return routes
}

// Endpoints are the names that [Deps.Observe] gives endpoints: fixed ones,
// whatever the paths of the preset.
func Endpoints() []string {
	return []string{
		"account", "account_apps", "account_password", "assets", "authorize", "consent", "developer", "directory", "home",
		"introspect", "jwks", "logo", "metadata", "openapi", "par", "register", "registration", "revoke", "signin", "signout", "token",
		edge.Unknown, "userinfo", "validate",
	}
}

// named gives a route one of [Endpoints].
func named(name string, route edge.Route) edge.Route {
	route.Name = name
	return route
}

// clients is an endpoint where clients authenticate themselves. cors is for
// those that programs in browsers call.
func (g *gateway) clients(path string, cors bool, h http.Handler) edge.Route {
	return edge.Route{
		Path: path, Methods: []string{http.MethodPost}, CORS: cors, Handler: h,
		Class: ratelimit.Class{Name: ratelimit.Clients, Rate: g.Limits.Clients}, Deadline: g.Limits.Deadline, Refuse: refuseJSON,
	}
}

// holders is an endpoint where a token stands for itself.
func (g *gateway) holders(path string, h http.Handler, methods ...string) edge.Route {
	return edge.Route{
		Path: path, Methods: methods, CORS: true, Handler: h,
		Class: ratelimit.Class{Name: ratelimit.Holders, Rate: g.Limits.Holders}, Deadline: g.Limits.Deadline, Refuse: refuseJSON,
	}
}

func (g *gateway) validateRoute(path string) edge.Route {
	route := g.holders(path, http.HandlerFunc(g.validate), http.MethodGet)
	route.CORS = false
	return route
}

// document is a public document, which HEAD does no harm to.
func (g *gateway) document(path string, h http.Handler) edge.Route {
	route := g.holders(path, h, http.MethodGet)
	route.Head = true
	return route
}

// browsers is an endpoint that people come to.
func (g *gateway) browsers(path string, h http.Handler, methods ...string) edge.Route {
	return edge.Route{
		Path: path, Methods: methods, Handler: h,
		Class: ratelimit.Class{Name: ratelimit.Browsers, Rate: g.Limits.Browsers}, Deadline: g.Limits.Deadline, Refuse: g.refusePage,
	}
}

// logos are the pictures of clients, which a page may show many of.
func (g *gateway) logos() edge.Route {
	route := g.browsers(logosPath, http.HandlerFunc(g.logo), http.MethodGet)
	route.Head = true
	return route
}

func (g *gateway) assets() edge.Route {
	route := g.browsers("/assets/", g.pages.Assets(), http.MethodGet)
	route.Head = true
	route.Class = ratelimit.Class{}
	return route
}

// noContent is for what browsers ask for unbidden: the pages name their icon.
func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
