package gateway

import (
	"net/http"

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
		g.clients(p.Token, true, oauthEndpoint(mux, tokenMethod)),
		g.clients(p.Revoke, true, oauthEndpoint(mux, revokeMethod)),
		g.clients(p.PushedAuthorization, false, oauthEndpoint(mux, pushMethod)),
		g.clients(p.Introspect, false, oauthEndpoint(mux, introspectMethod)),
		g.holders(p.UserInfo, http.HandlerFunc(g.userInfo), http.MethodGet, http.MethodPost),
		g.validateRoute(p.Validate),
		g.document(p.JWKS, &keySet{token: g.Token, fail: g.writeError}),
		g.browsers(p.Authorize, http.HandlerFunc(g.authorize), http.MethodGet, http.MethodPost),
		g.browsers("/", http.HandlerFunc(g.home), http.MethodGet),
		g.browsers("/favicon.ico", http.HandlerFunc(noContent), http.MethodGet),
		g.assets(),
	}
	for _, path := range g.metadataPaths() {
		routes = append(routes, g.document(path, metadata))
	}
	for path, d := range g.dialogs() {
		route := g.browsers(path, guard.Handler(d), http.MethodGet, http.MethodPost)
		if d.page == authorizev1.Interaction_PAGE_SIGN_IN {
			route.Deadline = g.Limits.SignInDeadline
		}
		routes = append(routes, route)
	}
	return routes, nil
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
