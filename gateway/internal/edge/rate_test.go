package edge_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"golang.org/x/time/rate"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
)

// N319: routes of one class share an allowance, and those of another class with the
// same numbers have their own.
func TestN319_ClassesOfEqualNumbersShareNothing(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	refuse := func(w http.ResponseWriter, _ *http.Request, f edge.Refusal) { w.WriteHeader(f.Status) }
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	route := func(name, class string, limit rate.Limit, burst int) edge.Route {
		return edge.Route{
			Name: name, Path: "/" + name, Methods: []string{"POST"}, Handler: ok, Refuse: refuse,
			Class: ratelimit.Class{Name: class, Rate: limit, Burst: burst},
		}
	}
	const tenAnHour = rate.Limit(10) / 3600
	e, err := edge.New(edge.Config{
		Routes: []edge.Route{
			route("hourly", "a", tenAnHour, 10), route("same", "a", tenAnHour, 10), route("equal", "b", tenAnHour, 10),
			route("half", "c", 0.5, 0), route("two", "d", 2, 0), route("free", "e", rate.Inf, 0),
		},
		NotFound: refuse, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Tracer: noop.NewTracerProvider().Tracer(""),
		Limiter: ratelimit.New(func() time.Time { return now }, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	// check wants so many of two more requests to pass, and the Retry-After of the last.
	check := func(path string, want int, wantRetry string) {
		t.Helper()
		passed, retry := 0, ""
		for range want + 2 {
			w := httptest.NewRecorder()
			e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", path, strings.NewReader("")))
			if w.Code == http.StatusOK {
				passed++
			}
			retry = w.Header().Get("Retry-After")
		}
		if passed != want || retry != wantRetry {
			t.Errorf("%s: %d passed, Retry-After %q; want %d, %q", path, passed, retry, want, wantRetry)
		}
	}
	check("/hourly", 10, "360")
	check("/same", 0, "360")
	check("/equal", 10, "360")
	check("/half", 1, "2")
	check("/two", 4, "1")
	now = now.Add(360 * time.Second)
	check("/hourly", 1, "360")
}
