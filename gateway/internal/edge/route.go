package edge

import (
	"net/http"
	"path"
	"strings"
)

// route finds the route of r, or one without a handler.
//
// There is no second spelling of a path: one with an escape, with double
// slashes, with another case or with parameters after a semicolon is no path of
// ours, so that no proxy before or handler behind can see another one in it.
func (e *Edge) route(r *http.Request) *Route {
	p := r.URL.Path
	if r.URL.RawPath != "" {
		return &e.notFound
	}
	if route, ok := e.exact[p]; ok {
		return route
	}
	for _, p := range e.patterns {
		if word, ok := p.match(r.URL.Path); ok {
			r.SetPathValue(p.name, word)
			return p.route
		}
	}
	for _, route := range e.below {
		if strings.HasPrefix(p, route.Path) && path.Clean(p) == p {
			return route
		}
	}
	return &e.notFound
}
