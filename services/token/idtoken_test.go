package token_test

import (
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/chancery-auth/chancery/pkg/jwks"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

// ada gives the subject claims, among them some that are none of the directory's.
func (f *fixture) ada(t *testing.T) {
	t.Helper()
	claims, err := structpb.NewStruct(map[string]any{
		"name": "Ada", "email": "ada@example.com", "email_verified": true, "phone_number": "+47", "internal_id": 7,
		"address": map[string]any{"country": "NO"},
		"sub":     "somebody else", "iss": "https://evil.test", "aud": "c2", "exp": 1e12, "iat": 1, "auth_time": 1,
		"nonce": "of another", "at_hash": "x", "acr": "high", "amr": []any{"hwk"}, "azp": "c2", "sid": "x", "nbf": 0, "jti": "x",
	})
	if err != nil {
		t.Fatal(err)
	}
	f.people.change(func(r *directoryv1.GetSubjectResponse) { r.Subject.Claims = claims })
}

// openProtocolClaims makes the scope profile open claims that no scope should.
func openProtocolClaims(s *setting) {
	for i, scope := range s.preset.Scopes {
		if scope.Name == "profile" {
			s.preset.Scopes[i].Claims = append(scope.Claims, "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash",
				"acr", "amr", "azp", "sid", "nbf", "jti")
		}
	}
}

func inIDToken(s *setting) { s.preset.IDToken.ScopeClaims = true }

// OIDC Core §5.4: with an access token, claims come from the UserInfo endpoint.
func TestIDTokenHasNoClaimsAboutTheSubjectByDefault(t *testing.T) {
	f := newFixture(t)
	f.ada(t)
	c := f.claims(t, "RS256", f.signedIn(t, withScope("openid profile offline_access")).GetIdToken())
	for name := range c {
		switch name {
		case "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash":
		default:
			t.Errorf("claims have %s", name)
		}
	}
}

func TestIDTokenHasTheClaimsOfItsScopeWhereThePresetSaysSo(t *testing.T) {
	f := newFixture(t, inIDToken)
	f.ada(t)
	for scope, want := range map[string]map[string]string{
		"openid offline_access":         {},
		"openid profile offline_access": {"name": `"Ada"`},
	} {
		first := f.signedIn(t, withScope(scope))
		for _, got := range []string{first.GetIdToken(), f.refresh(t, first.GetRefreshToken()).GetIdToken()} {
			c := f.claims(t, "RS256", got)
			for _, name := range []string{"name", "email", "email_verified", "phone_number", "internal_id", "address"} {
				if string(c[name]) != want[name] {
					t.Errorf("%s: %s = %s, want %s", scope, name, c[name], want[name])
				}
			}
			if string(c["sub"]) != `"u1"` {
				t.Errorf("sub = %s", c["sub"])
			}
		}
	}
}

// The scope of a refresh may be less than that of the code.
func TestIDTokenOfANarrowedScopeHasItsClaimsOnly(t *testing.T) {
	f := newFixture(t, inIDToken)
	f.ada(t)
	first := f.signedIn(t, withScope("openid profile offline_access"))
	req := byRefresh(first.GetRefreshToken())
	req.Scope = "openid"
	if c := f.claims(t, "RS256", f.mustExchange(t, c1, req).GetIdToken()); c["name"] != nil {
		t.Errorf("claims = %v, want no name", c)
	}
}

func TestDirectoryHasNoSayInClaimsOfTheToken(t *testing.T) {
	f := newFixture(t, inIDToken, openProtocolClaims)
	f.ada(t)
	got := f.signedIn(t, withScope("openid profile offline_access"))
	c := f.claims(t, "RS256", got.GetIdToken())
	if string(c["iss"]) != `"`+issuer+`"` || string(c["sub"]) != `"`+sub+`"` || string(c["aud"]) != `"`+c1.id+`"` ||
		string(c["nonce"]) != `"nonce-1"` || string(c["auth_time"]) != "1700000000" || string(c["name"]) != `"Ada"` {
		t.Errorf("claims = %v, want the token's own", c)
	}
	token := f.open(t, got.GetAccessToken())
	if string(c["iat"]) != strconv.FormatInt(token.IssueTime.Unix(), 10) || string(c["exp"]) != strconv.FormatInt(token.IssueTime.Add(time.Hour).Unix(), 10) {
		t.Errorf("iat = %s, exp = %s, want the token's own", c["iat"], c["exp"])
	}
	if string(c["at_hash"]) != `"`+jwks.AtHash(got.GetAccessToken())+`"` {
		t.Errorf("at_hash = %s, want that of the access token", c["at_hash"])
	}
	refreshed := f.claims(t, "RS256", f.refresh(t, got.GetRefreshToken()).GetIdToken())
	for _, name := range []string{"acr", "amr", "azp", "sid", "nbf", "jti"} {
		if c[name] != nil || refreshed[name] != nil {
			t.Errorf("the directory's %s is in the token", name)
		}
	}
	if refreshed["nonce"] != nil {
		t.Errorf("nonce = %s in a token that has none", refreshed["nonce"])
	}
}
