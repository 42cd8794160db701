package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// begin sends the browser to the authorization endpoint.
func (a *App) begin(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		a.fail(w, http.StatusBadRequest, "The form could not be read.", err)
		return
	}
	provider, err := a.provider(r.Context())
	if err != nil {
		a.fail(w, http.StatusBadGateway, "The discovery document could not be read.", err)
		return
	}
	s := a.newSession(w)
	s.scope = strings.Join(a.chosen(r.PostForm["scope"]), " ")
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(s.verifier), oidc.Nonce(s.nonce), oauth2.SetAuthURLParam("scope", s.scope)}
	if r.PostForm.Get("prompt") == "consent" || strings.Contains(s.scope, "offline_access") {
		options = append(options, oauth2.SetAuthURLParam("prompt", "consent"))
	}
	location := a.oauth(provider).AuthCodeURL(s.state, options...)
	s.steps = append(s.steps, step{Title: "The app sends the browser to the authorization endpoint", Request: "GET " + breakQuery(location)})
	http.Redirect(w, r, location, http.StatusSeeOther)
}

// callback takes the authorization response. A response to a request that this
// browser did not begin is shown, and its code left alone.
func (a *App) callback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	var refused, begun bool
	var verifier, nonce string
	a.withSession(r, func(s *session) {
		if begun = s.state != "" && s.state == query.Get("state"); !begun {
			return
		}
		s.state = ""
		verifier, nonce = s.verifier, s.nonce
		s.steps = append(s.steps, step{Title: "The browser comes back to the app", Request: "GET " + breakQuery(r.URL.String())})
		refused = query.Get("code") == ""
	})
	if !begun {
		a.fail(w, http.StatusBadRequest, "This answer does not belong to a request that this browser began. Its code was not used.", nil)
		return
	}
	// RFC 9207 §2.4: the answer must be from the issuer that was asked.
	if iss := query.Get("iss"); iss != a.cfg.Issuer {
		a.fail(w, http.StatusBadRequest, "The answer names another issuer.", nil)
		return
	}
	if !refused {
		if err := a.exchange(r, query.Get("code"), verifier, nonce); err != nil {
			a.fail(w, http.StatusBadGateway, "The code could not be exchanged.", err)
			return
		}
	}
	http.Redirect(w, r, Path+"/result", http.StatusSeeOther)
}

// exchange trades the code, and checks the ID token.
func (a *App) exchange(r *http.Request, code, verifier, nonce string) error {
	provider, err := a.provider(r.Context())
	if err != nil {
		return err
	}
	ctx := oidc.ClientContext(r.Context(), a.cfg.HTTP)
	config := a.oauth(provider)
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return err
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := provider.Verifier(&oidc.Config{ClientID: a.cfg.ClientID}).Verify(ctx, raw)
	if err != nil {
		return err
	}
	if idToken.Nonce != nonce {
		return errors.New("nonce differs")
	}
	var claims map[string]any
	if err := idToken.Claims(&claims); err != nil {
		return err
	}
	a.withSession(r, func(s *session) {
		s.token = token
		s.steps = append(s.steps,
			step{
				Title:    "The app exchanges the code for tokens",
				Request:  "POST " + config.Endpoint.TokenURL + a.asClient() + breakForm(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {config.RedirectURL}, "code_verifier": {verifier}}),
				Response: pretty(tokenView(token)),
			},
			step{Title: "The app verifies the ID token with the published keys", Response: pretty(claims)})
	})
	return nil
}

// tokenView is the token response as it came.
func tokenView(t *oauth2.Token) map[string]any {
	view := map[string]any{"access_token": t.AccessToken, "token_type": t.TokenType}
	for _, name := range []string{"expires_in", "id_token", "scope"} {
		if v := t.Extra(name); v != nil {
			view[name] = v
		}
	}
	if t.RefreshToken != "" {
		view["refresh_token"] = t.RefreshToken
	}
	return view
}

// act does what a button of the result page says, with the token at hand.
func (a *App) act(w http.ResponseWriter, r *http.Request) {
	var token *oauth2.Token
	a.withSession(r, func(s *session) { token = s.token })
	if token == nil {
		http.Redirect(w, r, Path, http.StatusSeeOther)
		return
	}
	done, err := a.perform(r.Context(), r.PostFormValue("action"), token)
	if err != nil {
		a.fail(w, http.StatusBadGateway, "The request failed.", err)
		return
	}
	a.withSession(r, func(s *session) {
		s.steps = append(s.steps, done.step)
		if done.token != nil {
			s.token = done.token
		}
	})
	http.Redirect(w, r, Path+"/result#latest", http.StatusSeeOther)
}

// performed is a step, and the token it gave, if any.
type performed struct {
	step  step
	token *oauth2.Token
}

func (a *App) perform(ctx context.Context, action string, t *oauth2.Token) (performed, error) {
	provider, err := a.provider(ctx)
	if err != nil {
		return performed{}, err
	}
	var endpoints struct {
		UserInfo   string `json:"userinfo_endpoint"`
		Introspect string `json:"introspection_endpoint"`
		Revoke     string `json:"revocation_endpoint"`
	}
	if err := provider.Claims(&endpoints); err != nil {
		return performed{}, err
	}
	switch action {
	case "userinfo":
		return a.ask(ctx, "The app asks who the user is", endpoints.UserInfo, t)
	case "introspect":
		return a.give(ctx, "An API asks what the token is good for now", endpoints.Introspect, t.AccessToken)
	case "revoke":
		return a.give(ctx, "The app gives the access token back", endpoints.Revoke, t.AccessToken)
	case "revoke-refresh":
		return a.give(ctx, "The app gives the refresh token back, and all that came of it", endpoints.Revoke, t.RefreshToken)
	case "refresh":
		return a.refresh(ctx, provider, t)
	}
	return performed{}, errors.New("unknown action")
}

// refresh trades the refresh token for new tokens.
func (a *App) refresh(ctx context.Context, p *oidc.Provider, t *oauth2.Token) (performed, error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.RefreshToken}}
	done, body, err := a.post(ctx, "The app refreshes its tokens", p.Endpoint().TokenURL, form)
	if err != nil {
		return performed{}, err
	}
	var token oauth2.Token
	if json.Unmarshal(body, &token) == nil && token.AccessToken != "" {
		return performed{done, &token}, nil
	}
	return performed{step: done}, nil // the page shows the refusal
}

// ask sends the access token to the endpoint that is about it.
func (a *App) ask(ctx context.Context, title, endpoint string, t *oauth2.Token) (performed, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return performed{}, err
	}
	req.Header.Set("Authorization", "Bearer "+t.AccessToken)
	done := step{Title: title, Request: "GET " + endpoint + "\nAuthorization: Bearer " + t.AccessToken}
	done.Response, _, err = a.do(req)
	return performed{step: done}, err
}

// give posts a token, as the client.
func (a *App) give(ctx context.Context, title, endpoint, token string) (performed, error) {
	done, _, err := a.post(ctx, title, endpoint, url.Values{"token": {token}})
	return performed{step: done}, err
}

// asClient stands for what would show the secret: a header, or the beginning of
// the form.
func (a *App) asClient() string {
	if a.inBody() {
		return "\n\n(client_id and client_secret)\n&"
	}
	return "\nAuthorization: Basic (client_id and client_secret)\n\n"
}

// post sends a form, as the client (RFC 6749 §2.3.1).
func (a *App) post(ctx context.Context, title, endpoint string, form url.Values) (done step, body []byte, err error) {
	if endpoint == "" {
		return step{}, nil, errors.New("this provider has no such endpoint")
	}
	done = step{Title: title, Request: "POST " + endpoint + a.asClient() + breakForm(form)}
	if a.inBody() {
		form.Set("client_id", a.cfg.ClientID)
		form.Set("client_secret", a.cfg.ClientSecret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return step{}, nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if !a.inBody() {
		req.SetBasicAuth(url.QueryEscape(a.cfg.ClientID), url.QueryEscape(a.cfg.ClientSecret))
	}
	done.Response, body, err = a.do(req)
	return done, body, err
}

// do sends the request, and returns the answer for the page and its body.
func (a *App) do(req *http.Request) (shown string, body []byte, err error) {
	resp, err := a.cfg.HTTP.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20)); err != nil {
		return "", nil, err
	}
	return resp.Status + "\n\n" + indent(body), body, nil
}

// indent is JSON for reading; anything else as it is.
func indent(body []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, body, "", "  ") != nil {
		return string(body)
	}
	return out.String()
}

func pretty(v any) string {
	encoded, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(encoded)
}

// breakQuery puts each parameter on a line of its own.
func breakQuery(location string) string {
	base, query, _ := strings.Cut(location, "?")
	return base + "\n  ?" + strings.ReplaceAll(query, "&", "\n  &")
}

// breakForm does the same for a form.
func breakForm(form url.Values) string { return strings.ReplaceAll(form.Encode(), "&", "\n&") }
