// Package demo is a small relying party that shows what happens between an app
// and Chancery: each request and each answer, as it is sent.
//
// It is an app like any other: it knows the issuer's URL and its own
// credentials, and speaks HTTP. golang.org/x/oauth2 and go-oidc do its part of
// the protocol.
package demo

import (
	"context"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/secret"
)

// Paths of the demo, below its origin.
const (
	Path         = "/demo"
	CallbackPath = Path + "/callback"
	// PicturePath is the picture of the demo's user.
	PicturePath = Path + "/ada.svg"
)

// Limits of the demo's memory.
const (
	maxSessions     = 1000
	sessionLifetime = time.Hour
)

//go:embed static
var static embed.FS

// Config is what an app knows of the provider.
type Config struct {
	// Brand is what the platform is called.
	Brand  string
	Issuer string
	// Origin is where the app itself is: scheme and host.
	Origin       string
	ClientID     string
	ClientSecret string
	// AuthMethod is client_secret_basic or client_secret_post.
	AuthMethod string
	// Scopes are what the provider has, to choose from.
	Scopes preset.Catalogue
	// HTTP reaches the issuer. Nil: http.DefaultClient.
	HTTP *http.Client
	Now  func() time.Time
}

// App is the relying party. It is safe for concurrent use.
type App struct {
	cfg       Config
	templates *template.Template

	mu       sync.Mutex
	sessions map[secret.Digest]*session
}

// session is one browser's walk through the flow.
type session struct {
	start    time.Time
	scope    string
	state    string
	nonce    string
	verifier string
	token    *oauth2.Token
	steps    []step
}

// step is one exchange, as the page shows it.
type step struct {
	Title    string
	Request  string
	Response string
}

// New returns the app.
func New(cfg Config) (*App, error) {
	templates, err := template.ParseFS(static, "static/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse demo pages: %w", err)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = http.DefaultClient
	}
	return &App{cfg: cfg, templates: templates, sessions: make(map[secret.Digest]*session)}, nil
}

// Handler serves the app below [Path].
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path, a.showHome)
	mux.HandleFunc("GET "+Path+"/style.css", file("style.css"))
	mux.HandleFunc("GET "+PicturePath, file("ada.svg"))
	mux.HandleFunc("POST "+Path+"/start", a.begin)
	mux.HandleFunc("GET "+CallbackPath, a.callback)
	mux.HandleFunc("GET "+Path+"/result", a.showResult)
	mux.HandleFunc("POST "+Path+"/act", a.act)
	return http.NewCrossOriginProtection().Handler(mux)
}

// provider reads the discovery document, as an app does at its start.
func (a *App) provider(ctx context.Context) (*oidc.Provider, error) {
	return oidc.NewProvider(oidc.ClientContext(ctx, a.cfg.HTTP), a.cfg.Issuer)
}

func (a *App) oauth(p *oidc.Provider) *oauth2.Config {
	endpoint := p.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if a.inBody() {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: a.cfg.ClientID, ClientSecret: a.cfg.ClientSecret, Endpoint: endpoint,
		RedirectURL: a.cfg.Origin + CallbackPath,
	}
}

// inBody says whether the app sends its secret in the form.
func (a *App) inBody() bool { return a.cfg.AuthMethod == oauth.AuthClientSecretPost }

// cookieName holds the handle of a session.
const cookieName = "__Host-demo"

// newSession begins a walk, and gives the browser its handle.
func (a *App) newSession(w http.ResponseWriter) *session {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.cfg.Now()
	for digest, s := range a.sessions {
		if now.Sub(s.start) > sessionLifetime || len(a.sessions) >= maxSessions {
			delete(a.sessions, digest)
		}
	}
	handle := secret.NewHandle()
	s := &session{
		start: now, state: secret.NewHandle().Reveal(), nonce: secret.NewHandle().Reveal(), verifier: oauth2.GenerateVerifier(),
	}
	a.sessions[handle.Digest()] = s
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: handle.Reveal(), Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return s
}

// withSession runs f on the browser's session, one request at a time. It reports
// whether there is one.
func (a *App) withSession(r *http.Request, f func(*session)) bool {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.sessions[secret.DigestOf(cookie.Value)]
	if ok {
		f(s)
	}
	return ok
}
