package edge

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
)

const (
	// maxOrigins bounds the memory of answers about origins.
	maxOrigins = 10_000
	// originLifetime is how long an origin that was registered, or taken away,
	// may go unnoticed.
	originLifetime = time.Minute
	maxOriginBytes = 512
)

func newOrigins() *otter.Cache[string, bool] {
	return otter.Must(&otter.Options[string, bool]{
		MaximumSize:      maxOrigins,
		ExpiryCalculator: otter.ExpiryWriting[string, bool](originLifetime),
	})
}

// cors lets a registered origin read the answer, and answers a preflight. There
// are never credentials: a cookie must not authenticate what a script sends.
func (e *Edge) cors(w http.ResponseWriter, r *http.Request, route *Route) (preflight bool) {
	origin := r.Header.Get("Origin")
	if !route.CORS || origin == "" {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	preflight = r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	allowed := e.originAllowed(r, origin)
	if allowed {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate")
	}
	if !preflight {
		return false
	}
	if !allowed {
		route.Refuse(w, r, Refusal{http.StatusForbidden, "the origin is not registered"})
		return true
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(route.Methods, ", "))
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// originAllowed asks the registry, once a minute for each origin. An answer
// that does not come is a no, and is not remembered.
func (e *Edge) originAllowed(r *http.Request, origin string) bool {
	if len(origin) > maxOriginBytes || slices.ContainsFunc([]byte(origin), notGraphic) || withinOrigin(r) {
		return false
	}
	allowed, err := e.origins.Get(r.Context(), origin, otter.LoaderFunc[string, bool](
		func(ctx context.Context, origin string) (bool, error) { return e.Origins(ctx, origin) }))
	if err != nil {
		e.Log.WarnContext(r.Context(), "origin could not be checked", slog.String("error", err.Error()))
		return false
	}
	return allowed
}

// withinOrigin reports that the browser knows the request to be no cross-origin
// one, which needs no permission.
func withinOrigin(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Site") == "same-origin"
}

func notGraphic(b byte) bool { return b <= ' ' || b > '~' }
