package demo

import (
	"bytes"
	"net/http"
)

// page is what the templates show.
type page struct {
	Issuer   string
	Brand    string
	Scopes   []offers
	Steps    []step
	SignedIn bool
	Refresh  bool
	Problem  string
	Detail   string
}

func (a *App) showHome(w http.ResponseWriter, _ *http.Request) {
	a.render(w, http.StatusOK, "home.html", page{Scopes: offersOf(a.cfg.Scopes)})
}

func (a *App) showResult(w http.ResponseWriter, r *http.Request) {
	var p page
	known := a.withSession(r, func(s *session) {
		p.Steps = append(p.Steps, s.steps...)
		p.SignedIn = s.token != nil
		p.Refresh = p.SignedIn && s.token.RefreshToken != ""
	})
	if !known {
		http.Redirect(w, r, Path, http.StatusSeeOther)
		return
	}
	a.render(w, http.StatusOK, "result.html", p)
}

// fail shows what went wrong.
func (a *App) fail(w http.ResponseWriter, status int, problem string, cause error) {
	p := page{Problem: problem}
	if cause != nil {
		p.Detail = cause.Error()
	}
	a.render(w, status, "problem.html", p)
}

func (a *App) render(w http.ResponseWriter, status int, name string, p page) {
	p.Issuer, p.Brand = a.cfg.Issuer, a.cfg.Brand
	var body bytes.Buffer
	if err := a.templates.ExecuteTemplate(&body, name, p); err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	// The button leads to the authorization endpoint, on this same origin.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w)
}

// file serves one of the files of the pages.
func file(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, static, "static/"+name) }
}
