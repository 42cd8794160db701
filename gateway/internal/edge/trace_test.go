package edge_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/baggage"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// N254: only a trusted proxy's trace goes on, and nobody's baggage does.
func TestN254_TracesStartHere(t *testing.T) {
	tests := []struct {
		name, peer string
		header     map[string]string
		goesOn     bool
	}{
		{"trusted", "10.0.0.1:1", map[string]string{"Traceparent": traceparent}, true},
		{"trusted, in IPv6 form", "[::ffff:10.0.0.1]:1", map[string]string{"Traceparent": traceparent}, true},
		{"anybody", "192.0.2.1:1", map[string]string{"Traceparent": traceparent}, false},
		{"oversized", "10.0.0.1:1", map[string]string{"Traceparent": traceparent, "Tracestate": "a=" + strings.Repeat("b", 512)}, false},
		{"malformed", "10.0.0.1:1", map[string]string{"Traceparent": "00-x"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got trace.SpanContext
			e := newEdge(t, func(_ http.ResponseWriter, r *http.Request) {
				got = trace.SpanContextFromContext(r.Context())
				if baggage.FromContext(r.Context()).Len() > 0 || r.Header.Get("Baggage") != "" || r.Header.Get("Traceparent") != "" {
					t.Error("headers of the trace reached the handler")
				}
			})
			r := httptest.NewRequest("GET", "/x", nil)
			r.RemoteAddr = tt.peer
			r.Header.Set("Baggage", "user=ada")
			for name, value := range tt.header {
				r.Header.Set(name, value)
			}
			e.ServeHTTP(httptest.NewRecorder(), r)
			if !got.IsValid() {
				t.Fatal("request has no span")
			}
			if on := got.TraceID().String() == traceparent[3:35]; on != tt.goesOn {
				t.Errorf("trace goes on: %v, want %v", on, tt.goesOn)
			}
		})
	}
}

// N245: handlers get the headers that they read, and no others.
func TestN245_HeadersAreAnAllowList(t *testing.T) {
	var got http.Header
	e := newEdge(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	r := httptest.NewRequest("GET", "/x", nil)
	for _, name := range []string{
		"Authorization", "Cookie", "Grpc-Timeout", "Grpc-Metadata-X", "X-Forwarded-For", "Forwarded", "X-Http-Method-Override", "X-Ssl-Client-Cert", "Te", "Range",
	} {
		r.Header.Set(name, "v")
	}
	e.ServeHTTP(httptest.NewRecorder(), r)
	if len(got) != 2 || got.Get("Authorization") != "v" || got.Get("Cookie") != "v" {
		t.Errorf("headers = %v", got)
	}
}

// N257: the panic of a handler that has begun to answer ends that answer only,
// and an abort stays one.
func TestPanics(t *testing.T) {
	e := newEdge(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		panic("late")
	})
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
	if w.Code != http.StatusAccepted {
		t.Errorf("status = %d", w.Code)
	}
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // a panic's value is not wrapped
			t.Errorf("recovered %v", p)
		}
	}()
	newEdge(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil))
}

func newEdge(t *testing.T, h http.HandlerFunc) *edge.Edge {
	t.Helper()
	provider := sdktrace.NewTracerProvider()
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	refuse := func(w http.ResponseWriter, _ *http.Request, f edge.Refusal) { w.WriteHeader(f.Status) }
	e, err := edge.New(edge.Config{
		Routes:         []edge.Route{{Name: "x", Path: "/x", Methods: []string{"GET"}, Handler: h, Refuse: refuse}},
		NotFound:       refuse,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Log:            slog.New(slog.DiscardHandler),
		Now:            func() time.Time { return time.Unix(0, 0) },
		Tracer:         provider.Tracer("test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
