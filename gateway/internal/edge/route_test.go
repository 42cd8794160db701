package edge_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
)

// routing answers with the name of the route and the word of its path.
func routing(t *testing.T, routes ...edge.Route) *edge.Edge {
	t.Helper()
	provider := sdktrace.NewTracerProvider()
	t.Cleanup(func() { _ = provider.Shutdown(t.Context()) })
	refuse := func(w http.ResponseWriter, _ *http.Request, f edge.Refusal) {
		http.Error(w, f.Description, f.Status)
	}
	for i := range routes {
		name := routes[i].Name
		routes[i].Methods, routes[i].Refuse = []string{"GET", "POST"}, refuse
		routes[i].Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(name + " " + r.PathValue("id")))
		})
	}
	e, err := edge.New(edge.Config{
		Routes: routes, NotFound: refuse, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Unix(0, 0) }, Tracer: provider.Tracer("test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestPathsWithAName(t *testing.T) {
	e := routing(t,
		edge.Route{Name: "one", Path: "/apps/{id}"}, edge.Route{Name: "key", Path: "/apps/{id}/key"},
		edge.Route{Name: "new", Path: "/apps/new"}, edge.Route{Name: "below", Path: "/files/"},
	)
	for path, want := range map[string]string{
		"/apps/a":          "one a",
		"/apps/A-0._~z":    "one A-0._~z",
		"/apps/new":        "new ",
		"/apps/new/key":    "key new",
		"/apps/...":        "one ...",
		"/files/a/b":       "below ",
		"/apps/":           "",
		"/apps//key":       "",
		"/apps/./key":      "",
		"/apps/..":         "",
		"/apps/a/":         "",
		"/apps/a/keys":     "",
		"/apps/a/b/key":    "",
		"/apps/a%20b":      "",
		"/apps/%61":        "",
		"/apps/a;b":        "",
		"/apps/a%2fkey":    "",
		"/apps/%C3%A4":     "",
		"/apps/a/key/key":  "",
		"/Apps/a":          "",
		"//apps/a":         "",
		"/x/apps/a":        "",
		"/apps/%7Bid%7D":   "",
		"/apps/a@evil":     "",
		"/files/../apps/a": "",
	} {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if want == "" {
			if w.Code != http.StatusNotFound {
				t.Errorf("%s: %d %q, want nothing there", path, w.Code, w.Body)
			}
			continue
		}
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %q, want %q", path, w.Code, w.Body, want)
		}
	}
}

func TestRoutesHaveTheirOwnBodyLimit(t *testing.T) {
	e := routing(t, edge.Route{Name: "usual", Path: "/usual"}, edge.Route{Name: "long", Path: "/long", Body: 320 << 10})
	for path, limit := range map[string]int{"/usual": 64 << 10, "/long": 320 << 10} {
		for extra, want := range []int{http.StatusOK, http.StatusRequestEntityTooLarge} {
			for _, known := range []bool{true, false} {
				r := httptest.NewRequest("POST", path, strings.NewReader(strings.Repeat("x", limit+extra)))
				if !known {
					r.ContentLength = -1
				}
				w := httptest.NewRecorder()
				e.ServeHTTP(w, r)
				if w.Code != want {
					t.Errorf("%s with %d bytes more than %d: %d, want %d", path, extra, limit, w.Code, want)
				}
			}
		}
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest("POST", "/long", strings.NewReader(strings.Repeat("x", 320<<10+1))))
	if want := "the body is longer than 320 KiB"; !strings.Contains(w.Body.String(), want) {
		t.Errorf("body = %q, want %q", w.Body, want)
	}
}
