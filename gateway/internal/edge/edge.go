// Package edge is what every HTTP request passes before a handler sees it:
// recovery, tracing, the client's address, CORS, and an ordered table of limits.
//
// Paths are matched byte for byte, and headers are an allow-list: what reaches a
// handler is what the table of routes says, and nothing that a proxy, a service
// or a library behind it could read as more. It knows nothing of OAuth.
package edge

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/chancery-auth/chancery/pkg/ratelimit"
)

// Route is one path of the edge. All but Name, Path, Methods, Handler and Refuse
// may be zero.
type Route struct {
	// Name is what metrics call the route. Several routes may share one.
	Name string
	// Path is matched byte for byte. One that ends in a slash stands for the
	// clean paths below it. One segment may be a name in braces, which stands for
	// any one word (RFC 3986 §2.3, unreserved); handlers ask [http.Request.PathValue]
	// for it.
	Path string
	// Methods are those of the handler, in the order of the Allow header.
	Methods []string
	// Head has HEAD answered as GET is, without the body.
	Head bool
	// CORS lets web pages of registered origins call the route.
	CORS bool
	// Class is how many requests one address block may make, together with those of
	// the other routes of the class. The zero value is no limit.
	Class ratelimit.Class
	// Body is the longest body in bytes. Zero: 64 KiB.
	Body int64
	// Deadline bounds the work on a request. Zero: no bound.
	Deadline time.Duration
	Handler  http.Handler
	// Refuse writes a refusal in the form the route answers in.
	Refuse Refuser
}

// Refusal is why a request does not get to its handler.
type Refusal struct {
	// Status is of HTTP.
	Status int
	// Description is for the developer of the client. It holds no input.
	Description string
}

// Refuser writes a refusal.
type Refuser func(http.ResponseWriter, *http.Request, Refusal)

// Config configures an [Edge].
type Config struct {
	Routes []Route
	// NotFound answers for every other path.
	NotFound Refuser
	// TrustedProxies may say whom they forward for, and continue a trace.
	TrustedProxies []netip.Prefix
	// HSTS is the Strict-Transport-Security header (RFC 6797 §6.1). Empty: none.
	HSTS string
	// Origins tells whether a web origin may call the routes with CORS.
	Origins func(ctx context.Context, origin string) (bool, error)
	// Limiter counts the requests of the classes of routes. Nil: nothing is limited.
	Limiter *ratelimit.Limiter
	Log     *slog.Logger
	Now     func() time.Time
	Tracer  trace.Tracer
	// Observe is told how each request ended, by the name of its route. Nil:
	// nobody is.
	Observe func(ctx context.Context, endpoint string, status int, took time.Duration)
}

// Unknown is the endpoint of a path that is no route's.
const Unknown = "unknown"

// Edge is an http.Handler. It is safe for concurrent use.
type Edge struct {
	Config
	exact    map[string]*Route
	patterns []pattern
	below    []*Route
	notFound Route
	origins  *otter.Cache[string, bool]
}

// New returns an edge. Fails if two routes have one path, or one has no name.
func New(cfg Config) (*Edge, error) {
	e := &Edge{Config: cfg, exact: make(map[string]*Route), notFound: Route{Name: Unknown, Path: Unknown, Refuse: cfg.NotFound}}
	e.origins = newOrigins()
	taken := make(map[string]bool, len(cfg.Routes))
	for i := range cfg.Routes {
		route := &cfg.Routes[i]
		if route.Name == "" {
			return nil, fmt.Errorf("the endpoint at %s has no name", route.Path)
		}
		if taken[route.Path] {
			return nil, fmt.Errorf("two endpoints have the path %s", route.Path)
		}
		taken[route.Path] = true
		if p, ok := newPattern(route); ok {
			e.patterns = append(e.patterns, p)
			continue
		}
		e.exact[route.Path] = route
		if strings.HasSuffix(route.Path, "/") && route.Path != "/" {
			e.below = append(e.below, route)
		}
	}
	return e, nil
}

// Info is what the edge knows of a request.
type Info struct {
	// ID names the request in the log and on error pages.
	ID string
	// AddressBlock is the /32 or /64 that the request came from; empty if it
	// came from no IP address.
	AddressBlock string
}

type infoKey struct{}

// InfoOf returns the info of the request that ctx belongs to.
func InfoOf(ctx context.Context) Info {
	info, _ := ctx.Value(infoKey{}).(Info)
	return info
}

// ServeHTTP implements http.Handler.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route := e.route(r)
	peer := peerOf(r)
	info := Info{ID: rand.Text(), AddressBlock: ratelimit.Block(e.clientAddress(r, peer))}
	ctx, span := e.Tracer.Start(e.traceContext(r, peer), "HTTP "+route.Path,
		trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.String("http.route", route.Path)))
	defer span.End()
	r = r.WithContext(context.WithValue(ctx, infoKey{}, info))

	rec := &recorder{ResponseWriter: w}
	e.baseHeaders(rec.Header(), info)
	start := e.Now()
	defer func() {
		e.recovered(rec, r, route, recover())
		e.report(r, route, rec, e.Now().Sub(start))
	}()
	e.serve(rec, r, route)
}

func (e *Edge) serve(w http.ResponseWriter, r *http.Request, route *Route) {
	if refusal := requestLineShort(r); refusal != nil {
		route.Refuse(w, r, *refusal)
		return
	}
	if route.Handler == nil {
		route.Refuse(w, r, Refusal{http.StatusNotFound, "there is nothing at this path"})
		return
	}
	// Before CORS, which may have to ask the registry.
	if refusal := e.withinRate(w, r, route); refusal != nil {
		route.Refuse(w, r, *refusal)
		return
	}
	if preflight := e.cors(w, r, route); preflight {
		return
	}
	for _, c := range checks() {
		if refusal := c.run(w, r, route); refusal != nil {
			route.Refuse(w, r, *refusal)
			return
		}
	}
	clean(r.Header)
	if r.Method == http.MethodHead {
		r.Method = http.MethodGet
	}
	if route.Deadline > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), route.Deadline)
		defer cancel()
		r = r.WithContext(ctx)
	}
	route.Handler.ServeHTTP(w, r)
}

// baseHeaders is what every answer carries unless its handler says otherwise.
func (e *Edge) baseHeaders(h http.Header, info Info) {
	h.Set("X-Request-Id", info.ID)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex")
	if e.HSTS != "" {
		h.Set("Strict-Transport-Security", e.HSTS)
	}
}

// recovered turns a panic into a failure of its one request. What went wrong is
// for the log.
func (e *Edge) recovered(w *recorder, r *http.Request, route *Route, p any) {
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	e.Log.ErrorContext(r.Context(), "panic in handler", slog.String("route", route.Path),
		slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
	if w.status == 0 {
		route.Refuse(w, r, Refusal{http.StatusInternalServerError, ""})
	}
}

// report names the route and not the path: a path and its query are input.
func (e *Edge) report(r *http.Request, route *Route, w *recorder, took time.Duration) {
	// A handler that writes nothing has net/http answer so.
	status := cmp.Or(w.status, http.StatusOK)
	trace.SpanFromContext(r.Context()).SetAttributes(attribute.Int("http.response.status_code", status))
	if e.Observe != nil {
		e.Observe(r.Context(), route.Name, status, took)
	}
	level := slog.LevelDebug
	if status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	e.Log.LogAttrs(r.Context(), level, "request",
		slog.String("request_id", InfoOf(r.Context()).ID), slog.String("route", route.Path),
		slog.Int("status", status), slog.Duration("took", took))
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
