package authreq_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
)

func TestN022_WhatARequestWithoutScopeAsksFor(t *testing.T) {
	provider := func(mandatory bool, byDefault ...string) *authreq.Checker {
		c := *checker
		c.ScopeMandatory, c.DefaultScope = mandatory, byDefault
		return &c
	}
	for _, tt := range []struct {
		name    string
		checker *authreq.Checker
		own     oauth.Scope
		want    oauth.Scope // nil if the request is refused
	}{
		{"client's default", provider(false), oauth.Scope{"workspace:viewer"}, oauth.Scope{"workspace:viewer"}},
		{"client's before the provider's", provider(false, "openid"), oauth.Scope{"email"}, oauth.Scope{"email"}},
		{"client's where scope is mandatory", provider(true), oauth.Scope{"email"}, oauth.Scope{"email"}},
		{"provider's default", provider(false, "openid", "workspace:viewer"), nil, oauth.Scope{"openid", "workspace:viewer"}},
		{"provider's, as far as the client may", provider(false, "openid", "phone"), nil, oauth.Scope{"openid"}},
		{"nothing of the provider's", provider(false, "phone"), nil, oauth.Scope{"openid", "profile", "email"}},
		{"no default", provider(false), nil, oauth.Scope{"openid", "profile", "email"}},
		{"no default where scope is mandatory", provider(true), nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, c := valid(), newClient()
			r.Scope, c.DefaultScope = "", tt.own
			checked, err := tt.checker.AfterRedirect(t.Context(), r, c, noKeys)
			if (code(err) == oauth.InvalidScope) != (tt.want == nil) || !checked.Asked.Equal(tt.want) {
				t.Errorf("AfterRedirect() asks for %v, %v, want %v", checked.Asked, err, tt.want)
			}
			// One that names its scope gets that, whatever the defaults.
			r.Scope = "openid"
			if checked, err := tt.checker.AfterRedirect(t.Context(), r, c, noKeys); err != nil || !checked.Asked.Equal(oauth.Scope{"openid"}) {
				t.Errorf("AfterRedirect(scope=openid) asks for %v, %v", checked.Asked, err)
			}
		})
	}
}
