package resourceserver_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/pkg/resourceserver"
)

// served is the answer to a request, and whether the handler saw it.
type served struct {
	*http.Response
	body   string
	passed bool
}

// send serves one request behind Require.
func send(t *testing.T, g *resourceserver.Guard, r *http.Request, scope ...string) served {
	t.Helper()
	passed := false
	handler := g.Require(scope...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		passed = true
		access, ok := resourceserver.AccessFrom(r.Context())
		if !ok || access.Sub != "u1" {
			t.Errorf("AccessFrom() = %v, %v", access, ok)
		}
		_, _ = io.Copy(w, r.Body)
	}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return served{w.Result(), w.Body.String(), passed}
}

func get(target string, authorization ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, target, http.NoBody)
	r.Header["Authorization"] = authorization
	return r
}

func post(contentType, body string, authorization ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header["Authorization"] = authorization
	return r
}

const form = "application/x-www-form-urlencoded"

func TestRequire(t *testing.T) {
	const (
		none         = `Bearer realm="https://api.test"`
		notActive    = none + `, error="invalid_token", error_description="access token is not active"`
		elsewhere    = none + `, error="invalid_request", error_description="access token belongs in the Authorization header alone"`
		twice        = none + `, error="invalid_request", error_description="Authorization header comes more than once"`
		empty        = none + `, error="invalid_request", error_description="Authorization header has no token"`
		insufficient = none + `, error="insufficient_scope", error_description="access token has not the scope that this needs", scope="image:read"`
	)
	long := strings.Repeat("a", 2<<10)
	tests := []struct {
		name      string
		request   *http.Request
		status    int
		challenge string
	}{
		{"good", get("/", "Bearer good"), 200, ""},
		{"scheme in any case", get("/", "bEARER  good"), 200, ""},
		{"a query that is about something else", get("/?access_tokens=t&q=access_token", "Bearer good"), 200, ""},
		{"a form that is about something else", post(form, "a=access_token&b=1", "Bearer good"), 200, ""},
		{"JSON with that word", post("application/json", `{"a":"&access_token="}`, "Bearer good"), 200, ""},

		{"no token", get("/"), 401, none},
		{"another scheme", get("/", "Basic YTpi"), 401, none},
		{"a scheme that begins alike", get("/", "Bearergood"), 401, none},
		{"a header with nothing in it", get("/", ""), 401, none},

		{"not active", get("/", "Bearer other"), 401, notActive},
		{"characters that no token has", get("/", "Bearer go od"), 401, notActive},
		{"only padding", get("/", "Bearer =="), 401, notActive},
		{"padding in the middle", get("/", "Bearer go=od"), 401, notActive},
		{"quotes", get("/", `Bearer "good"`), 401, notActive},
		{"as long as can be", get("/", "Bearer "+long), 200, ""},
		{"too long", get("/", "Bearer "+long+"a"), 401, notActive},

		{"scheme alone", get("/", "Bearer "), 400, empty},
		{"two headers", get("/", "Bearer good", "Bearer good"), 400, twice},
		{"N194 query", get("/?access_token=good"), 400, elsewhere},
		{"N194 query and header", get("/?access_token=good", "Bearer good"), 400, elsewhere},
		{"N194 query, encoded", get("/?%61ccess_token=good", "Bearer good"), 400, elsewhere},
		{"N194 query, behind a semicolon", get("/?a=1;access_token=good", "Bearer good"), 400, elsewhere},
		{"N194 query that is broken elsewhere", get("/?%zz=1&access_token=good", "Bearer good"), 400, elsewhere},
		{"N194 form", post(form, "a=1&access_token=good"), 400, elsewhere},
		{"N194 form and header", post(form+"; charset=UTF-8", "access_token=good", "Bearer good"), 400, elsewhere},

		{"another scope", get("/", "Bearer poor"), 403, insufficient},
		{"away", get("/", "Bearer away"), 503, ""},
		{"broken", get("/", "Bearer broken"), 503, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, conn := newChancery(t)
			c.script("poor", active("image:create image"))
			c.script(long, active("image:read"))
			c.script("away", away())
			c.script("broken", step{err: status.Error(codes.Internal, "internal error")})
			got := send(t, newGuard(conn, resourceserver.Config{}), tt.request, "image:read")
			if got.StatusCode != tt.status || got.Header.Get("WWW-Authenticate") != tt.challenge {
				t.Errorf("answer %d %q, want %d %q", got.StatusCode, got.Header.Get("WWW-Authenticate"), tt.status, tt.challenge)
			}
			if got.passed != (tt.status == 200) {
				t.Errorf("the handler saw it: %v", got.passed)
			}
			if tt.status != 200 && got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("a refusal may be cached: %v", got.Header)
			}
			if (tt.status == 503) != (got.Header.Get("Retry-After") == "1") {
				t.Errorf("Retry-After = %q", got.Header.Get("Retry-After"))
			}
			if tt.challenge == none && got.body != "" {
				t.Errorf("who brings no token is told more: %s", got.body)
			}
		})
	}
}

// A text that cannot be a token is not sent on.
func TestWhatIsNoTokenIsNotAskedAbout(t *testing.T) {
	c, conn := newChancery(t)
	g := newGuard(conn, resourceserver.Config{})
	for _, header := range []string{"Bearer a b", "Bearer a=b", "Bearer =", "Bearer " + strings.Repeat("a", 2049), "Basic good", "Bearer \u00e9"} {
		send(t, g, get("/", header))
	}
	if got := c.questions(); len(got) > 0 {
		t.Errorf("asked about %q", got)
	}
}

func TestHandlerGetsTheFormWhole(t *testing.T) {
	_, conn := newChancery(t)
	g := newGuard(conn, resourceserver.Config{})
	for _, size := range []int{0, 10, 64<<10 - 1, 64 << 10, 64<<10 + 1, 200 << 10} {
		body := strings.Repeat("b", size)
		got := send(t, g, post(form, body, "Bearer good"), "image:read")
		if got.body != body {
			t.Errorf("of %d bytes the handler got %d", size, len(got.body))
		}
	}
}

// A handler may stop a body that is too long for it, before it is in memory.
func TestNoMoreOfAFormIsReadThanItsBeginning(t *testing.T) {
	_, conn := newChancery(t)
	body := &counted{Reader: strings.NewReader(strings.Repeat("b", 200<<10))}
	r := post(form, "", "Bearer good")
	r.Body = body
	newGuard(conn, resourceserver.Config{}).Require()(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body.n > 64<<10 {
			t.Errorf("%d bytes are read before the handler wants them", body.n)
		}
		if err := r.Body.Close(); err != nil || !body.closed {
			t.Errorf("Close() = %v, closed %v", err, body.closed)
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
}

// counted is a body that knows how much of it was read.
type counted struct {
	io.Reader

	n      int
	closed bool
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func (c *counted) Close() error {
	c.closed = true
	return nil
}

func TestBodyThatBreaksOffIsRefused(t *testing.T) {
	_, conn := newChancery(t)
	r := post(form, "", "Bearer good")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("a=1"), broken{}))
	if got := send(t, newGuard(conn, resourceserver.Config{}), r); got.StatusCode != 400 || got.passed {
		t.Errorf("answer %d, passed %v", got.StatusCode, got.passed)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestRequireEveryScope(t *testing.T) {
	_, conn := newChancery(t)
	g := newGuard(conn, resourceserver.Config{})
	for _, tt := range []struct {
		scope []string
		want  int
	}{
		{nil, 200},
		{[]string{"image:read"}, 200},
		{[]string{"image:read", "image:create"}, 200},
		{[]string{"image:read", "image:tag"}, 403},
		{[]string{"image"}, 403},
	} {
		if got := send(t, g, get("/", "Bearer good"), tt.scope...); got.StatusCode != tt.want {
			t.Errorf("Require(%q): %d, want %d", tt.scope, got.StatusCode, tt.want)
		}
	}
}

func TestRequirePanicsForWhatIsNoScope(t *testing.T) {
	_, conn := newChancery(t)
	defer func() {
		if recover() == nil {
			t.Error("a scope with a quote was taken")
		}
	}()
	newGuard(conn, resourceserver.Config{}).Require(`a"b`)
}

// RFC 8707 §2: a token for another resource is not good for anything here.
func TestAudience(t *testing.T) {
	_, conn := newChancery(t)
	for audience, want := range map[string]int{"": 200, "https://as.test": 200, "https://as.test/": 401, "https://other.test": 401} {
		g := newGuard(conn, resourceserver.Config{Audience: audience})
		if got := send(t, g, get("/", "Bearer good")); got.StatusCode != want {
			t.Errorf("audience %q: %d, want %d", audience, got.StatusCode, want)
		}
	}
}

// The realm comes from a configuration, and cannot add to the challenge.
func TestRealmIsQuoted(t *testing.T) {
	_, conn := newChancery(t)
	g := resourceserver.New(newIntrospector(conn), resourceserver.Config{Realm: "a\", error=\"b\\\r\nX: c\u00e9"})
	got := send(t, g, get("/"))
	if want := `Bearer realm="a, error=bX: c"`; got.Header.Get("WWW-Authenticate") != want {
		t.Errorf("WWW-Authenticate = %q, want %q", got.Header.Get("WWW-Authenticate"), want)
	}
}

// The log says why a token could not be checked, and never which.
func TestTokensAreNotLogged(t *testing.T) {
	var text bytes.Buffer
	c, conn := newChancery(t)
	c.script("chat_verysecret", away())
	g := newGuard(conn, resourceserver.Config{Log: slog.New(slog.NewJSONHandler(&text, nil))})
	got := send(t, g, get("/", "Bearer chat_verysecret"))
	if log := text.String(); strings.Count(log, "check a token") != 1 || strings.Contains(log, "verysecret") || strings.Contains(log, apiSecret) {
		t.Errorf("log: %s", log)
	}
	if strings.Contains(got.body, "verysecret") {
		t.Errorf("answer: %s", got.body)
	}
	text.Reset()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	send(t, g, get("/", "Bearer good").WithContext(gone))
	send(t, g, get("/", "Bearer other"))
	send(t, g, get("/", "Bearer good"))
	if text.Len() > 0 {
		t.Errorf("log of what is no failure: %s", text.String())
	}
}

// Each of many requests at once has the access of its own token.
func TestRequestsDoNotMix(t *testing.T) {
	c, conn := newChancery(t)
	const callers = 16
	for i := range callers {
		s := active("image:read")
		sub := strings.Repeat("u", i+1)
		s.answer.Sub = &sub
		c.script(sub, s)
	}
	handler := newGuard(conn, resourceserver.Config{}).Require("image:read")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		access, _ := resourceserver.AccessFrom(r.Context())
		_, _ = io.WriteString(w, access.Sub)
	}))
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			token := strings.Repeat("u", i+1)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, get("/", "Bearer "+token))
			if w.Body.String() != token {
				t.Errorf("the token of %q got the access of %q", token, w.Body)
			}
		})
	}
	wg.Wait()
}
