package gateway

import (
	"net/http"
	"strings"

	"golang.org/x/time/rate"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// Paths of the pages.
const (
	signInPath  = "/signin"
	accountPath = "/account"
	consentPath = "/consent"
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
	guard, err := g.crossOriginProtection()
	if err != nil {
		return nil, err
	}
	p := g.Preset.Paths
	routes := []edge.Route{
		named("token", g.clients(p.Token, true, oauthEndpoint(mux, tokenMethod))),
		named("revoke", g.clients(p.Revoke, true, oauthEndpoint(mux, revokeMethod))),
		named("par", g.clients(p.PushedAuthorization, false, oauthEndpoint(mux, pushMethod))),
		named("introspect", g.clients(p.Introspect, false, oauthEndpoint(mux, introspectMethod))),
		named("userinfo", g.holders(p.UserInfo, http.HandlerFunc(g.userInfo), http.MethodGet, http.MethodPost)),
		named("validate", g.validateRoute(p.Validate)),
		named("jwks", g.document(p.JWKS, &keySet{token: g.Token, fail: g.writeError, now: g.Now})),
		named("authorize", g.browsers(p.Authorize, http.HandlerFunc(g.authorize), http.MethodGet, http.MethodPost)),
		named("home", g.browsers("/", http.HandlerFunc(g.home), http.MethodGet)),
		named("assets", g.browsers("/favicon.ico", http.HandlerFunc(noContent), http.MethodGet)),
		named("assets", g.assets()),
	}
	for _, path := range g.metadataPaths() {
		routes = append(routes, named("metadata", g.document(path, metadata)))
	}
	for path, d := range g.dialogs() {
		route := named(strings.TrimPrefix(path, "/"), g.browsers(path, guard.Handler(d), http.MethodGet, http.MethodPost))
		if d.page == authorizev1.Interaction_PAGE_SIGN_IN {
			route.Deadline = g.Limits.SignInDeadline
		}
		routes = append(routes, route)
	}
	return routes, nil
}

// Endpoints are the names that [Deps.Observe] gives endpoints: fixed ones,
// whatever the paths of the preset.
func Endpoints() []string {
	return []string{
		"account", "assets", "authorize", "consent", "home", "introspect", "jwks", "metadata", "par",
		"revoke", "signin", "token", edge.Unknown, "userinfo", "validate",
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
		Rate: g.Limits.Clients, Deadline: g.Limits.Deadline, Refuse: refuseJSON,
	}
}

// holders is an endpoint where a token stands for itself.
func (g *gateway) holders(path string, h http.Handler, methods ...string) edge.Route {
	return edge.Route{
		Path: path, Methods: methods, CORS: true, Handler: h,
		Rate: g.Limits.Holders, Deadline: g.Limits.Deadline, Refuse: refuseJSON,
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
		Rate: g.Limits.Browsers, Deadline: g.Limits.Deadline, Refuse: g.refusePage,
	}
}

func (g *gateway) assets() edge.Route {
	route := g.browsers("/assets/", g.pages.Assets(), http.MethodGet)
	route.Head = true
	route.Rate = rate.Inf
	return route
}

// noContent is for what browsers ask for unbidden: the pages name their icon.
func noContent(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
