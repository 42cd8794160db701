package demo

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/chancery-auth/chancery/deploy/presets"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// The first page has every scope that a user can grant, in words, under its
// heading, and proposes some that need the user to choose.
func TestPageOffersWhatThePresetHas(t *testing.T) {
	for _, name := range presets.Names() {
		p, err := presets.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		var offered, ticked oauth.Scope
		for _, group := range offersOf(p.Scopes) {
			for _, o := range group.List {
				if s, _ := p.Scopes.Find(o.Scope); s.Group != group.Group || s.Description != o.Words {
					t.Errorf("%s offers %+v under %s", name, o, group.Group)
				}
				offered = append(offered, o.Scope)
				if o.Ticked {
					ticked = append(ticked, o.Scope)
				}
			}
		}
		if !offered.Equal(p.Scopes.Grantable()) || len(offered) != len(p.Scopes.Grantable()) {
			t.Errorf("%s offers %v", name, offered)
		}
		if !ticked.Contains(openID) || !p.Scopes.Selective(ticked) {
			t.Errorf("%s proposes %v, want openid and one to choose for", name, ticked)
		}
	}
}

func TestOnlyWhatIsOfferedIsAskedFor(t *testing.T) {
	a := App{cfg: Config{Scopes: preset.Default().Scopes}}
	for _, tt := range []struct{ form, want []string }{
		{nil, []string{"openid"}},
		{[]string{"email", "introspect", "nothing", "openid"}, []string{"openid", "email"}},
		{[]string{"project:viewer", "profile"}, []string{"openid", "profile", "project:viewer"}},
	} {
		if got := a.chosen(tt.form); !slices.Equal(got, tt.want) {
			t.Errorf("chosen(%v) = %v, want %v", tt.form, got, tt.want)
		}
	}
}

// provider is as much of a provider as the app needs, with an issuer below a path.
// It notes what the client sent to the token and revocation endpoints.
func provider(t *testing.T, sent chan<- *http.Request) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("GET /id/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{
			"issuer": server.URL + "/id", "authorization_endpoint": server.URL + "/start",
			"token_endpoint": server.URL + "/token", "revocation_endpoint": server.URL + "/revoke",
		})
	})
	note := func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		sent <- r
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
	}
	mux.HandleFunc("POST /token", note)
	mux.HandleFunc("POST /revoke", note)
	return server
}

// newApp is the app as the preset's default for web clients has it.
func newApp(t *testing.T, server *httptest.Server, method string) *App {
	t.Helper()
	a, err := New(Config{
		Brand: "Acme", Issuer: server.URL + "/id", Origin: "http://app.test", ClientID: "id", ClientSecret: "s e",
		AuthMethod: method, Scopes: preset.Default().Scopes, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// RFC 6749 §2.3.1.
func TestAppAuthenticatesAsItIsRegistered(t *testing.T) {
	for _, method := range []string{oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost} {
		sent := make(chan *http.Request, 1)
		a := newApp(t, provider(t, sent), method)
		for _, action := range []string{"revoke", "refresh"} {
			done, err := a.perform(t.Context(), action, &oauth2.Token{AccessToken: "at", RefreshToken: "rt"})
			if err != nil {
				t.Fatal(err)
			}
			r := <-sent
			_, secret, basic := r.BasicAuth()
			inForm := r.PostForm.Get("client_secret")
			if basic != (method == oauth.AuthClientSecretBasic) || basic && (inForm != "" || secret != "s+e") || !basic && (inForm != "s e" || r.PostForm.Get("client_id") != "id") {
				t.Errorf("%s, %s: header %t, form %v", method, action, basic, r.PostForm)
			}
			if strings.Contains(done.step.Request, "s e") || strings.Contains(done.step.Request, "s+e") {
				t.Errorf("%s: the page shows the secret:\n%s", method, done.step.Request)
			}
		}
		if _, err := a.perform(t.Context(), "introspect", &oauth2.Token{AccessToken: "at"}); err == nil {
			t.Error("an endpoint that the provider does not have is asked")
		}
	}
}

// The app is at the origin, wherever the issuer is.
func TestAppComesBackToItsOrigin(t *testing.T) {
	a := newApp(t, provider(t, nil), oauth.AuthClientSecretBasic)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://app.test/demo/start", strings.NewReader("scope=email"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	location, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther {
		t.Fatalf("status %d, location %q, %v", w.Code, location, err)
	}
	query := location.Query()
	if location.Path != "/start" || query.Get("redirect_uri") != "http://app.test/demo/callback" || query.Get("scope") != "openid email" {
		t.Errorf("location is %s", location)
	}
}

func TestHomeNamesThePlatform(t *testing.T) {
	a := newApp(t, provider(t, nil), oauth.AuthClientSecretBasic)
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://app.test/demo", nil))
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "Sign in with Acme") || !strings.Contains(body, `value="offline_access" checked`) {
		t.Errorf("status %d, body\n%s", w.Code, body)
	}
}
