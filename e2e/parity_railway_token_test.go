package e2e

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/chancery-auth/chancery/deploy/presets"
)

func railwayCodes(t *testing.T, p *standIn) {
	r := p.party(t, "openid")
	try := r.begin()
	code := r.person.authorize(try.link).Get("code")
	if _, err := r.Exchange(t.Context(), code, oauth2.VerifierOption(try.verifier)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Exchange(t.Context(), code, oauth2.VerifierOption(try.verifier)); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("second exchange = %v, want invalid_grant", err)
	}
	if lifetime := presetOf(t, "railway").Lifetimes.Code; lifetime > time.Minute {
		t.Errorf("codes live %s", lifetime)
	}
}

func railwayAccessTokens(t *testing.T, p *standIn) {
	r := p.party(t, "openid")
	token := r.authorize(t)
	same(t, "expires_in", 3600.0, token.Extra("expires_in").(float64))
	same(t, "token_type", "Bearer", token.TokenType)
	if strings.Count(token.AccessToken, ".") == 2 {
		t.Error("the access token is a JWT")
	}
	r.userinfo(t, token.AccessToken)
}

func railwayRefreshTokens(t *testing.T, p *standIn) {
	r := p.party(t, "openid offline_access")
	for _, tt := range []struct {
		name    string
		scope   string
		options []oauth2.AuthCodeOption
		want    bool
	}{
		{"both", "openid offline_access", []oauth2.AuthCodeOption{forceConsent()}, true},
		{"no prompt", "openid offline_access", nil, false},
		{"no scope", "openid", []oauth2.AuthCodeOption{forceConsent()}, false},
	} {
		token := r.authorize(t, append(tt.options, oauth2.SetAuthURLParam("scope", tt.scope))...)
		same(t, tt.name, tt.want, token.RefreshToken != "")
	}
}

func railwayRefreshLifetime(t *testing.T, p *standIn) {
	lifetimes := presetOf(t, "railway").Lifetimes
	same(t, "lifetime", 365*24*time.Hour, lifetimes.RefreshToken)
	if lifetimes.RefreshAbsolute <= 5*lifetimes.RefreshToken {
		t.Errorf("a chain of refresh tokens ends after %s", lifetimes.RefreshAbsolute)
	}
	// A token that was rotated in has a lifetime of its own: two rotations take
	// longer than the first token lived.
	r := p.party(t, "openid offline_access", "--refresh-token-lifetime", "3s")
	start := time.Now()
	token := r.authorize(t, forceConsent())
	for range 2 {
		token = r.rotated(t, token)
	}
	if lived := time.Since(start); lived < 3*time.Second {
		t.Errorf("two rotations took %s", lived)
	}
}

func (r *party) rotated(t testing.TB, token *oauth2.Token) *oauth2.Token {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		next, err := r.refresh(t, token.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		if next.RefreshToken != token.RefreshToken {
			return next
		}
	}
	t.Fatal("the refresh token does not rotate")
	return nil
}

func railwayRotation(t *testing.T, p *standIn) {
	r := p.party(t, "openid offline_access", "--refresh-token-lifetime", "3s")
	first := r.authorize(t, forceConsent())
	kept, err := r.refresh(t, first.RefreshToken)
	if err != nil || kept.RefreshToken != first.RefreshToken {
		t.Fatalf("the first refresh = %v, %v, want the same refresh token", kept, err)
	}
	second := r.rotated(t, kept)
	if _, err := r.refresh(t, first.RefreshToken); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("the old token = %v, want invalid_grant", err)
	}
	if _, err := r.refresh(t, second.RefreshToken); err == nil {
		t.Error("the new refresh token outlives the authorization")
	}
	if r.active(t, second.AccessToken).Active {
		t.Error("the access token outlives the authorization")
	}
}

func railwayHundredTokens(t *testing.T, p *standIn) {
	r := p.party(t, "openid offline_access")
	tokens := make([]*oauth2.Token, 102)
	for i := range tokens {
		tokens[i] = r.authorize(t, forceConsent())
	}
	for _, i := range []int{0, 1} {
		if _, err := r.refresh(t, tokens[i].RefreshToken); err == nil {
			t.Errorf("token %d of %d is still good", i, len(tokens))
		}
	}
	for _, i := range []int{2, len(tokens) - 1} {
		if _, err := r.refresh(t, tokens[i].RefreshToken); err != nil {
			t.Errorf("token %d of %d: %v", i, len(tokens), err)
		}
	}
}

func railwayIDToken(t *testing.T, p *standIn) {
	r := p.party(t, "openid email profile")
	claims := idTokenClaims(t, r.authorize(t))
	same(t, "sub", any(p.s.Demo.User.Sub), claims["sub"])
	for _, name := range []string{"email", "name", "picture"} {
		if _, ok := claims[name]; ok {
			t.Errorf("the ID token has %s", name)
		}
	}
}

func railwayClaims(t *testing.T, p *standIn) {
	for scope, want := range map[string][]string{
		"openid":               {"sub"},
		"openid email":         {"email", "sub"},
		"openid profile":       {"name", "picture", "sub"},
		"openid email profile": {"email", "name", "picture", "sub"},
	} {
		r := p.party(t, scope)
		same(t, scope, want, claimNames(r.userinfo(t, r.authorize(t).AccessToken)))
	}
}

func presetOf(t testing.TB, name string) presetData {
	t.Helper()
	p, err := presets.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
