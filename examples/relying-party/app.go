package main

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"html/template"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	// cookieName makes the browser keep the cookie for this host and every path of
	// it, and send it over TLS or to the own machine only.
	cookieName      = "__Host-app"
	sessionLifetime = 8 * time.Hour
	maxSessions     = 1000
	requestTime     = 10 * time.Second
)

// app is the relying party. It is safe for concurrent use.
type app struct {
	options

	provider     *oidc.Provider
	config       oauth2.Config
	callbackPath string
	now          func() time.Time
	// metadata is what go-oidc does not read of the discovery document.
	metadata struct {
		IssSupported bool `json:"authorization_response_iss_parameter_supported"`
	}

	mu       sync.Mutex
	sessions map[string]*session // by cookie value
}

// session is one browser.
type session struct {
	startTime time.Time

	mu                     sync.Mutex // held for the whole of a request
	state, nonce, verifier string     // of the request that is under way
	sub, scope             string
	token                  *oauth2.Token // nil until signed in
	result                 string        // of the last button
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /signin", a.start)
	mux.HandleFunc("GET "+a.callbackPath, a.callback)
	mux.HandleFunc("POST /act", a.act)
	mux.HandleFunc("POST /signout", a.signOut)
	timed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTime)
		defer cancel()
		mux.ServeHTTP(w, r.WithContext(ctx))
	})
	// Nobody else's page can press these buttons.
	return http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(timed, 16<<10))
}

// session returns that of the browser, nil if there is none.
func (a *app) session(r *http.Request) *session {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.sessions[cookie.Value]
	if s == nil || a.now().Sub(s.startTime) > sessionLifetime {
		return nil
	}
	return s
}

// remember keeps the session under a new cookie, in place of the browser's old one.
func (a *app) remember(w http.ResponseWriter, r *http.Request, s *session) {
	a.forget(r)
	a.mu.Lock()
	defer a.mu.Unlock()
	for value, other := range a.sessions {
		if a.now().Sub(other.startTime) > sessionLifetime || len(a.sessions) >= maxSessions {
			delete(a.sessions, value)
		}
	}
	value := rand.Text()
	a.sessions[value] = s
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// forget ends the browser's session: its cookie means nothing any more.
func (a *app) forget(r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.sessions, cookie.Value)
	}
}

//go:embed page.html
var pageText string

// page is all that the browser gets to see.
type page struct {
	Issuer, Asked, Problem       string
	Sub, Granted, Expiry, Result string
	Refresh                      bool
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	p := page{Issuer: a.issuer, Asked: a.scope}
	if s := a.session(r); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.token != nil {
			p.Sub, p.Granted, p.Expiry, p.Result = s.sub, s.scope, s.token.Expiry.Format("15:04:05"), s.result
			p.Refresh = s.token.RefreshToken != ""
		}
	}
	a.render(w, http.StatusOK, p)
}

func (a *app) fail(w http.ResponseWriter, status int, err error) {
	a.render(w, status, page{Issuer: a.issuer, Asked: a.scope, Problem: err.Error()})
}

func (a *app) render(w http.ResponseWriter, status int, p page) {
	var body bytes.Buffer
	if err := template.Must(template.New("page").Parse(pageText)).Execute(&body, p); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	// The form that signs in leads on to the provider, which form-action would stop.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w)
}
