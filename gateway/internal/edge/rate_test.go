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
)

// Ten an hour are ten at once, and after that one every six minutes.
func TestBurstIsTheRoutesOwn(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	refuse := func(w http.ResponseWriter, _ *http.Request, f edge.Refusal) { w.WriteHeader(f.Status) }
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	route := func(name string, limit rate.Limit, burst int) edge.Route {
		return edge.Route{Name: name, Path: "/" + name, Methods: []string{"POST"}, Handler: ok, Refuse: refuse, Rate: limit, Burst: burst}
	}
	const tenAnHour = rate.Limit(10) / 3600
	e, err := edge.New(edge.Config{
		Routes: []edge.Route{
			route("hourly", tenAnHour, 10), route("same", tenAnHour, 10), route("other", tenAnHour, 1), route("half", 0.5, 0), route("two", 2, 0),
		},
		NotFound: refuse, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Tracer: noop.NewTracerProvider().Tracer(""),
	})
	if err != nil {
		t.Fatal(err)
	}
	// passes is how many of n requests pass, and the Retry-After of the last.
	passes := func(path string, n int) (passed int, retry string) {
		t.Helper()
		for range n {
			w := httptest.NewRecorder()
			e.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", path, strings.NewReader("")))
			if w.Code == http.StatusOK {
				passed++
			}
			retry = w.Header().Get("Retry-After")
		}
		return passed, retry
	}
	check := func(path string, want int, wantRetry string) {
		t.Helper()
		if got, retry := passes(path, want+2); got != want || retry != wantRetry {
			t.Errorf("%s: %d passed, Retry-After %q; want %d, %q", path, got, retry, want, wantRetry)
		}
	}
	check("/hourly", 10, "360")
	check("/same", 0, "360") // routes of one limit share it
	check("/other", 1, "360")
	check("/half", 1, "2")
	check("/two", 4, "1")
	now = now.Add(359 * time.Second)
	check("/hourly", 0, "360")
	now = now.Add(time.Second)
	check("/hourly", 1, "360")
	now = now.Add(24 * time.Hour)
	check("/hourly", 10, "360")
}

// A limiter that was forgotten would let its whole burst pass again.
func TestLimitersAreKeptUntilTheyAreWhole(t *testing.T) {
	for _, tt := range []struct {
		limit rate.Limit
		burst int
		want  time.Duration
	}{
		{rate.Limit(10) / 3600, 10, time.Hour},
		{rate.Limit(1) / 3600, 1, time.Hour},
		{2000, 4000, 10 * time.Minute},
	} {
		if got := edge.LimiterLifetime(tt.limit, tt.burst); got.Round(time.Second) != tt.want {
			t.Errorf("lifetime of %v, %d = %v, want %v", tt.limit, tt.burst, got, tt.want)
		}
	}
}
