package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

const redirect = "https://app.test/callback"

// browser is one with a cookie for the app.
type browser struct {
	t      *testing.T
	app    http.Handler
	cookie *http.Cookie
	pages  strings.Builder // everything that it got to see
}

func newBrowser(t *testing.T, p *provider, more ...string) *browser {
	t.Helper()
	args := append([]string{"--issuer", p.URL, "--client-id", "app", "--redirect", redirect, "--api", p.URL + "/api"}, more...)
	o, err := parse(args, "s3cret")
	if err != nil {
		t.Fatal(err)
	}
	a, err := newApp(t.Context(), o, instant)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, app: a.handler()}
}

func (b *browser) do(method, target string, form url.Values, header ...string) *http.Response {
	b.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	w := httptest.NewRecorder()
	b.app.ServeHTTP(w, r)
	resp := w.Result()
	for _, c := range resp.Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			b.t.Errorf("cookie %v", c)
		}
		b.cookie = c
	}
	_ = resp.Header.Write(&b.pages)
	b.pages.WriteString(w.Body.String())
	return resp
}

// begin presses the button, and returns what the provider is asked.
func (b *browser) begin(p *provider) url.Values {
	b.t.Helper()
	resp := b.do(http.MethodPost, "/signin", nil)
	location, err := resp.Location()
	if err != nil || resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(location.String(), p.URL+"/authorize?") {
		b.t.Fatalf("sign in: %d to %v, %v", resp.StatusCode, location, err)
	}
	p.claims = map[string]any{"nonce": location.Query().Get("nonce")}
	return location.Query()
}

// back returns to the app with a response.
func (b *browser) back(response url.Values) *http.Response {
	b.t.Helper()
	return b.do(http.MethodGet, "/callback?"+response.Encode(), nil)
}

// good is a response to the request.
func good(p *provider, request url.Values) url.Values {
	return url.Values{"code": {"c0de"}, "state": {request.Get("state")}, "iss": {p.URL}}
}

func (b *browser) signedIn() bool {
	before := b.pages.Len()
	b.do(http.MethodGet, "/", nil)
	return strings.Contains(b.pages.String()[before:], `id="sub">u1<`)
}

func TestSignIn(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, p, "--scope", "openid profile", "--prompt", "consent")
	request := b.begin(p)
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "app", "redirect_uri": redirect, "scope": "openid profile",
		"prompt": "consent", "code_challenge_method": "S256",
	} {
		if got := request.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	before := b.cookie.Value
	if resp := b.back(good(p, request)); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/" || !b.signedIn() {
		t.Fatalf("callback: %d %v", resp.StatusCode, resp.Header)
	}
	if b.cookie.Value == before {
		t.Error("who is signed in has the cookie of who was not")
	}
	exchange := p.tokens[0]
	if got := oauth2.S256ChallengeFromVerifier(exchange.Get("code_verifier")); got != request.Get("code_challenge") {
		t.Errorf("code_verifier does not match the challenge")
	}
	if exchange.Get("code") != "c0de" || exchange.Get("redirect_uri") != redirect || !p.basic[0] {
		t.Errorf("token request: %v, credentials in the header: %v", exchange, p.basic[0])
	}
}

func TestEachRequestHasItsOwnSecrets(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, p)
	first, second := b.begin(p), b.begin(p)
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if first.Get(name) == second.Get(name) || len(first.Get(name)) < 22 {
			t.Errorf("%s: %q, then %q", name, first.Get(name), second.Get(name))
		}
	}
}

func TestAnswersThatAreNotTaken(t *testing.T) {
	tests := []struct {
		name   string
		change func(p *provider, response url.Values)
		asks   bool // the code is sent to the provider
	}{
		{"another state", func(_ *provider, r url.Values) { r.Set("state", "other") }, false},
		{"no state", func(_ *provider, r url.Values) { r.Del("state") }, false},
		{"another issuer", func(_ *provider, r url.Values) { r.Set("iss", "https://evil.test") }, false},
		{"no issuer from a provider that sends it", func(_ *provider, r url.Values) { r.Del("iss") }, false},
		{"a refusal", func(_ *provider, r url.Values) { r.Set("error", "access_denied") }, false},
		{"another nonce", func(p *provider, _ url.Values) { p.claims["nonce"] = "other" }, true},
		{"no nonce", func(p *provider, _ url.Values) { delete(p.claims, "nonce") }, true},
		{"an ID token for another client", func(p *provider, _ url.Values) { p.claims["aud"] = "other" }, true},
		{"an ID token of another issuer", func(p *provider, _ url.Values) { p.claims["iss"] = "https://evil.test" }, true},
		{"an ID token that has expired", func(p *provider, _ url.Values) { p.claims["exp"] = instant().Unix() - 1 }, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newProvider(t)
			b := newBrowser(t, p)
			response := good(p, b.begin(p))
			tt.change(p, response)
			if resp := b.back(response); resp.StatusCode != http.StatusBadRequest || b.signedIn() {
				t.Errorf("answer %d, signed in %v", resp.StatusCode, b.signedIn())
			}
			if (len(p.tokens) > 0) != tt.asks {
				t.Errorf("%d token requests", len(p.tokens))
			}
		})
	}
}

func TestIssuerMayBeAbsentWhereItIsNotPromised(t *testing.T) {
	p := newProvider(t)
	delete(p.metadata, "authorization_response_iss_parameter_supported")
	for iss, want := range map[string]bool{"": true, p.URL: true, "https://evil.test": false} {
		b := newBrowser(t, p)
		response := good(p, b.begin(p))
		response.Set("iss", iss)
		if b.back(response); b.signedIn() != want {
			t.Errorf("iss %q: signed in %v", iss, !want)
		}
	}
}

func TestAnswerIsTakenOnce(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, p)
	response := good(p, b.begin(p))
	b.back(response)
	if resp := b.back(response); resp.StatusCode != http.StatusBadRequest || len(p.tokens) != 1 {
		t.Errorf("the second time: %d, %d token requests", resp.StatusCode, len(p.tokens))
	}
}

// A response that an attacker got for himself does not sign anybody else in.
func TestAnswerOfAnotherBrowserIsNotTaken(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, p)
	response := good(p, b.begin(p))
	victim := &browser{t: t, app: b.app}
	if resp := victim.back(response); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a browser without a session: %d", resp.StatusCode)
	}
	victim.begin(p)
	if resp := victim.back(response); resp.StatusCode != http.StatusBadRequest || len(p.tokens) != 0 {
		t.Errorf("a browser with another request: %d", resp.StatusCode)
	}
}

func TestButtons(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, p)
	b.back(good(p, b.begin(p)))
	act := func(form ...string) string {
		values := url.Values{}
		for i := 0; i < len(form); i += 2 {
			values.Set(form[i], form[i+1])
		}
		b.do(http.MethodPost, "/act", values)
		before := b.pages.Len()
		b.do(http.MethodGet, "/", nil)
		return b.pages.String()[before:]
	}
	if text := act("action", "userinfo"); !strings.Contains(text, "Ada \\u003cDemo\\u003e") {
		t.Errorf("userinfo: %s", text)
	}
	if text := act("action", "graphql"); !strings.Contains(text, "200 OK") || p.paths[0] != "POST /api/graphql" {
		t.Errorf("graphql: %s", text)
	}
	if text := act("action", "refresh"); !strings.Contains(text, "was replaced: true") || p.tokens[1].Get("refresh_token") != "rt-secret-1" {
		t.Errorf("refresh: %s, %v", text, p.tokens)
	}
	act("action", "rest", "path", "/v1/workspaces/w1")
	if got := p.paths[1]; got != "GET /api/v1/workspaces/w1" {
		t.Errorf("REST: %s", got)
	}
	want := []string{"Bearer at-secret-1", "Bearer at-secret-1", "Bearer at-secret-2"}
	if strings.Join(p.bearers, ",") != strings.Join(want, ",") {
		t.Errorf("tokens at userinfo and API: %q, want %q", p.bearers, want)
	}
	p.info = map[string]any{"sub": "u2", "name": "Eve"}
	if text := act("action", "userinfo"); strings.Contains(text, "Eve") {
		t.Error("claims about somebody else are shown")
	}
	if text := act("action", "other"); !strings.Contains(text, "unknown action") {
		t.Errorf("another action: %s", text)
	}
	b.do(http.MethodPost, "/signout", nil)
	if b.signedIn() {
		t.Error("still signed in")
	}
	for _, secret := range []string{"at-secret", "rt-secret", "s3cret"} {
		if strings.Contains(b.pages.String(), secret) {
			t.Errorf("the browser has seen %s", secret)
		}
	}
}

// A path is one of the platform's API, whatever it looks like.
func TestTokenGoesToThePlatformAlone(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, p)
	b.back(good(p, b.begin(p)))
	paths := []string{"//evil.test/x", "https://evil.test/x", "@evil.test/x", "\\\\evil.test", "?access_token=1", "#x", ""}
	for _, path := range paths {
		b.do(http.MethodPost, "/act", url.Values{"action": {"rest"}, "path": {path}})
	}
	if len(p.paths) != len(paths) {
		t.Errorf("%d of %d requests came to the platform: %q", len(p.paths), len(paths), p.paths)
	}
}

func TestOtherSitesPressNoButtons(t *testing.T) {
	p := newProvider(t)
	b := newBrowser(t, p)
	for _, path := range []string{"/signin", "/act", "/signout"} {
		if resp := b.do(http.MethodPost, path, nil, "Sec-Fetch-Site", "cross-site"); resp.StatusCode != http.StatusForbidden {
			t.Errorf("POST %s from another site: %d", path, resp.StatusCode)
		}
		if resp := b.do(http.MethodGet, path, nil); resp.StatusCode < 400 {
			t.Errorf("GET %s: %d", path, resp.StatusCode)
		}
	}
}

func TestSecretIsSentAsItIsRegistered(t *testing.T) {
	for method, basic := range map[string]bool{"client_secret_basic": true, "client_secret_post": false} {
		p := newProvider(t)
		b := newBrowser(t, p, "--auth-method", method)
		b.back(good(p, b.begin(p)))
		if len(p.tokens) != 1 || p.basic[0] != basic || (p.tokens[0].Get("client_secret") == "s3cret") == basic {
			t.Errorf("%s: %v, header %v", method, p.tokens, p.basic)
		}
	}
}

func TestFlags(t *testing.T) {
	for _, tt := range []struct {
		args []string
		ok   bool
	}{
		{[]string{"--client-id", "app"}, true},
		{nil, false},
		{[]string{"--client-id", "app", "--redirect", "http://127.0.0.1:8400"}, false},
		{[]string{"--client-id", "app", "--redirect", "http://127.0.0.1:8400/"}, false},
		{[]string{"--client-id", "app", "--redirect", "::"}, false},
	} {
		if _, err := parse(tt.args, ""); (err == nil) != tt.ok {
			t.Errorf("parse(%q) = %v", tt.args, err)
		}
	}
}

func TestRunSaysWhenItIsReady(t *testing.T) {
	p := newProvider(t)
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--issuer", p.URL, "--client-id", "app", "--http", "127.0.0.1:0", "--json"}, "", writer)
	}()
	var line struct {
		Ready bool
		HTTP  string
		URL   string
	}
	if err := json.NewDecoder(reader).Decode(&line); err != nil || !line.Ready || line.URL != "http://127.0.0.1:8400/" {
		t.Fatalf("%+v, %v", line, err)
	}
	resp, err := http.Get("http://" + line.HTTP + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	stop()
	if err := <-done; err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("run() = %v, the page %d", err, resp.StatusCode)
	}
}
