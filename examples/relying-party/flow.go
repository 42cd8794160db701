package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// start sends the browser to the authorization endpoint.
func (a *app) start(w http.ResponseWriter, r *http.Request) {
	s := &session{startTime: a.now(), state: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier()}
	a.remember(w, r, s)
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(s.verifier), oidc.Nonce(s.nonce)}
	if a.prompt != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", a.prompt))
	}
	http.Redirect(w, r, a.config.AuthCodeURL(s.state, options...), http.StatusSeeOther)
}

// callback takes the authorization response (RFC 6749 §4.1.2).
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	s := a.session(r)
	if s == nil {
		a.fail(w, http.StatusBadRequest, errors.New("this browser has not begun to sign in"))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := a.finish(r.Context(), s, r.URL.Query()); err != nil {
		a.fail(w, http.StatusBadRequest, err)
		return
	}
	// Who is signed in has another cookie than who was about to: a cookie that
	// somebody planted in this browser is worth nothing now.
	a.remember(w, r, s)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// finish checks the response, and trades its code for tokens.
func (a *app) finish(ctx context.Context, s *session, response url.Values) error {
	// RFC 6749 §10.12: the response belongs to a request of this browser, and to
	// that request once.
	state := s.state
	s.state = ""
	if state == "" || response.Get("state") != state {
		return errors.New("the answer does not belong to a request of this browser")
	}
	// RFC 9207 §2.4: and it is from the provider that was asked.
	if iss := response.Get("iss"); iss != a.issuer && (iss != "" || a.metadata.IssSupported) {
		return errors.New("the answer is from another issuer")
	}
	if refusal := response.Get("error"); refusal != "" {
		return fmt.Errorf("the provider says %s: %s", refusal, response.Get("error_description"))
	}
	token, err := a.config.Exchange(ctx, response.Get("code"), oauth2.VerifierOption(s.verifier))
	if err != nil {
		return fmt.Errorf("exchange the code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := a.provider.Verifier(&oidc.Config{ClientID: a.clientID, Now: a.now}).Verify(ctx, raw)
	if err != nil {
		return fmt.Errorf("verify the ID token: %w", err)
	}
	if idToken.Nonce != s.nonce {
		return errors.New("the ID token was made for another request")
	}
	s.sub, s.token = idToken.Subject, token
	s.scope, _ = token.Extra("scope").(string)
	return nil
}

// act does what a button says, with the tokens of the session.
func (a *app) act(w http.ResponseWriter, r *http.Request) {
	s := a.session(r)
	if s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	if s != nil && s.token != nil {
		var err error
		if s.result, err = a.perform(r.Context(), s, r.PostFormValue("action"), r.PostFormValue("path")); err != nil {
			s.result = "That did not work: " + err.Error()
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) perform(ctx context.Context, s *session, action, path string) (string, error) {
	switch action {
	case "userinfo":
		return a.userInfo(ctx, s)
	case "refresh":
		before := s.token.RefreshToken
		if before == "" {
			return "", errors.New("there is no refresh token: ask for offline_access, with --prompt consent")
		}
		if err := a.refresh(ctx, s, &oauth2.Token{RefreshToken: before}); err != nil {
			return "", err
		}
		return fmt.Sprintf("New access token until %s; the refresh token was replaced: %v", s.token.Expiry.Format("15:04:05"), s.token.RefreshToken != before), nil
	case "graphql":
		const query = `{"query": "{me {name email workspaces {id name}} externalWorkspaces {id name projects {id name}}}"}`
		return a.callAPI(ctx, s, http.MethodPost, "/graphql", query)
	case "rest":
		return a.callAPI(ctx, s, http.MethodGet, path, "")
	default:
		return "", errors.New("unknown action")
	}
}

// refresh replaces a token that has expired (RFC 6749 §6). A refresh token is used
// by one request at a time, because the session is locked, and the one that comes
// back is the one that counts.
func (a *app) refresh(ctx context.Context, s *session, t *oauth2.Token) error {
	token, err := a.config.TokenSource(ctx, t).Token()
	if err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	s.token = token
	return nil
}

// userInfo asks for the claims of the user (OIDC Core §5.3).
func (a *app) userInfo(ctx context.Context, s *session) (string, error) {
	if err := a.refresh(ctx, s, s.token); err != nil {
		return "", err
	}
	info, err := a.provider.UserInfo(ctx, oauth2.StaticTokenSource(s.token))
	if err != nil {
		return "", err
	}
	// OIDC Core §5.3.2: claims about somebody else are not taken for this user's.
	if info.Subject != s.sub {
		return "", errors.New("the claims are about somebody else")
	}
	var claims map[string]any
	if err := info.Claims(&claims); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(claims, "", "  ")
	return string(text), err
}

// callAPI calls the platform. The path cannot lead to another host.
func (a *app) callAPI(ctx context.Context, s *session, method, path, body string) (string, error) {
	if err := a.refresh(ctx, s, s.token); err != nil {
		return "", err
	}
	base, err := url.Parse(a.api)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, method, base.JoinPath(path).String(), strings.NewReader(body)) //nolint:gosec // The path is below that of the API.
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	s.token.SetAuthHeader(req)
	resp, err := http.DefaultClient.Do(req) //nolint:gosec // As above.
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	var indented bytes.Buffer
	if json.Indent(&indented, answer, "", "  ") == nil {
		answer = indented.Bytes()
	}
	return resp.Status + "\n\n" + string(answer), err
}

// signOut forgets who was signed in here. At the provider the user stays signed in,
// and the app stays connected: both end on pages of the provider.
func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	a.forget(r)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
