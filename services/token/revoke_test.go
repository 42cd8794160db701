package token_test

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// revoke revokes as c, which may be nobody.
func (f *fixture) revoke(t *testing.T, c client, token string) error {
	t.Helper()
	req := &tokenv1.RevokeRequest{Token: token}
	ctx := t.Context()
	switch c.method {
	case oauth.AuthClientSecretBasic:
		basic := base64.StdEncoding.EncodeToString([]byte(c.id + ":" + c.secret))
		ctx = metadata.AppendToOutgoingContext(ctx, clientauth.MetadataKey, "Basic "+basic)
	default:
		req.ClientId, req.ClientSecret = c.id, c.secret
	}
	_, err := f.token.Revoke(ctx, req)
	return err
}

func TestN183_WhatIsNoTokenIsNothingToRevoke(t *testing.T) {
	f, other := newFixture(t), newFixture(t)
	first := f.signedIn(t)
	f.offset = -2 * time.Hour
	expired := f.mustExchange(t, c1, byCredentials("introspect")).GetAccessToken()
	f.offset = 0
	for name, token := range map[string]string{
		"garbage": "x", "flipped": flip(first.GetAccessToken()), "code": f.code(t), "expired": expired,
		"of other keys": other.signedIn(t).GetAccessToken(), "refresh token of other keys": other.signedIn(t).GetRefreshToken(),
	} {
		for _, c := range []client{{}, c1} {
			if err := f.revoke(t, c, token); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if !f.active(t, first.GetAccessToken()) {
		t.Error("the token that was flipped is dead")
	}
	for range 2 {
		if err := f.revoke(t, c1, first.GetAccessToken()); err != nil {
			t.Errorf("revoked already: %v", err)
		}
	}
	for range 2 {
		if err := f.revoke(t, c1, first.GetRefreshToken()); err != nil {
			t.Errorf("ended already: %v", err)
		}
	}
}

func TestN184_TokenIsRequired(t *testing.T) {
	f := newFixture(t)
	if err := f.revoke(t, c1, ""); !errors.Is(err, oauth.InvalidRequest) {
		t.Errorf("error = %v, want invalid_request", err)
	}
}

func TestN185_N186_WhoMayRevoke(t *testing.T) {
	tests := map[string]struct {
		by   client
		want error
	}{
		"its client":                    {c1, nil},
		"whoever holds it":              {client{}, nil},
		"its client's id":               {client{id: c1.id}, nil},
		"N185 another client":           {c2, oauth.UnauthorizedClient},
		"N185 another client's id":      {client{id: c2.id}, oauth.UnauthorizedClient},
		"N186 a wrong secret":           {client{c1.id, c1.method, "wrong"}, oauth.InvalidClient},
		"N186 another's wrong secret":   {client{c2.id, c2.method, "wrong"}, oauth.InvalidClient},
		"N186 secret of another method": {client{c1.id, c2.method, c1.secret}, oauth.InvalidClient},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			first := f.signedIn(t)
			if err := f.revoke(t, tt.by, first.GetAccessToken()); !errors.Is(err, tt.want) {
				t.Errorf("access token: %v, want %v", err, tt.want)
			}
			if got := f.active(t, first.GetAccessToken()); got != (tt.want != nil) {
				t.Errorf("access token is active: %v", got)
			}
			if err := f.revoke(t, tt.by, first.GetRefreshToken()); !errors.Is(err, tt.want) {
				t.Errorf("refresh token: %v, want %v", err, tt.want)
			}
			want := tt.want
			if want == nil {
				f.refused(t, c1, byRefresh(first.GetRefreshToken()), oauth.InvalidGrant)
				return
			}
			f.refresh(t, first.GetRefreshToken())
		})
	}
}

func TestClientThatDemandsAuthenticationToRevoke(t *testing.T) {
	f := newFixture(t)
	f.registry.change(c1, func(c *registryv1.Client) { c.RequireRevocationAuth = true })
	first := f.signedIn(t)
	for _, c := range []client{{}, {id: c1.id}} {
		if err := f.revoke(t, c, first.GetAccessToken()); !errors.Is(err, oauth.InvalidClient) {
			t.Errorf("by %q: %v, want invalid_client", c.id, err)
		}
	}
	if !f.active(t, first.GetAccessToken()) {
		t.Error("the token is dead")
	}
	if err := f.revoke(t, c1, first.GetAccessToken()); err != nil || f.active(t, first.GetAccessToken()) {
		t.Errorf("the client itself: %v", err)
	}
}

func TestN187_HintDoesNotMatter(t *testing.T) {
	f := newFixture(t)
	for _, hint := range []string{"", "refresh_token", "access_token", "unknown"} {
		first := f.signedIn(t)
		for _, text := range []string{first.GetAccessToken(), first.GetRefreshToken()} {
			if _, err := f.token.Revoke(t.Context(), &tokenv1.RevokeRequest{Token: text, TokenTypeHint: hint}); err != nil {
				t.Errorf("hint %q: %v", hint, err)
			}
		}
		if f.active(t, first.GetAccessToken()) {
			t.Errorf("hint %q: the access token is alive", hint)
		}
		f.refused(t, c1, byRefresh(first.GetRefreshToken()), oauth.InvalidGrant)
	}
}

func TestN188_FailureIsNoSuccess(t *testing.T) {
	for name, tt := range map[string]struct {
		trigger string
		want    error
	}{
		"unknown outcome": {
			`
			CREATE FUNCTION coherence.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'not waited for'; RETURN NULL; END $$;
			CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON coherence.restriction_log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION coherence.fail()`,
			oauth.TemporarilyUnavailable,
		},
		"any other": {
			`
			CREATE FUNCTION coherence.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
			CREATE TRIGGER fail BEFORE INSERT ON coherence.restriction_log FOR EACH ROW EXECUTE FUNCTION coherence.fail()`,
			oauth.ServerError,
		},
	} {
		t.Run(name, func(t *testing.T) {
			db, change := onPostgres(t)
			f := newFixture(t, change)
			token := f.mustExchange(t, c1, byCredentials("introspect")).GetAccessToken()
			execute(t, db, tt.trigger)
			if err := f.revoke(t, c1, token); !errors.Is(err, tt.want) {
				t.Errorf("error = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestN189_RefreshTokenTakesItsAccessTokensAlong(t *testing.T) {
	f := newFixture(t)
	first, other := f.signedIn(t), f.signedIn(t)
	second := f.refresh(t, first.GetRefreshToken())
	// The one that is out of use will do as well: it names the same family.
	if err := f.revoke(t, c1, first.GetRefreshToken()); err != nil {
		t.Fatal(err)
	}
	if f.active(t, first.GetAccessToken()) || f.active(t, second.GetAccessToken()) {
		t.Error("an access token of the family is alive")
	}
	f.refused(t, c1, byRefresh(second.GetRefreshToken()), oauth.InvalidGrant)
	if !f.active(t, other.GetAccessToken()) {
		t.Error("a token of another family is dead")
	}
	f.refresh(t, other.GetRefreshToken())
}

func TestRevokedAccessTokenLeavesTheOthers(t *testing.T) {
	f := newFixture(t)
	first := f.signedIn(t)
	second := f.refresh(t, first.GetRefreshToken())
	if err := f.revoke(t, c1, first.GetAccessToken()); err != nil {
		t.Fatal(err)
	}
	if f.active(t, first.GetAccessToken()) || !f.active(t, second.GetAccessToken()) {
		t.Error("want the first access token dead, and it alone")
	}
	f.refresh(t, second.GetRefreshToken())
}

func TestTokenOfADeletedClientMayBeRevoked(t *testing.T) {
	f := newFixture(t)
	first := f.signedIn(t)
	f.registry.change(c1, nil)
	if err := f.revoke(t, client{}, first.GetAccessToken()); err != nil || f.active(t, first.GetAccessToken()) {
		t.Errorf("error = %v", err)
	}
}

func TestAdminRevokesForAnyClient(t *testing.T) {
	f := newFixture(t)
	f.registry.change(c1, func(c *registryv1.Client) { c.RequireRevocationAuth = true })
	first := f.signedIn(t)
	revoke := func(c tokenv1.TokenServiceClient, token string) error {
		_, err := c.AdminRevoke(t.Context(), &tokenv1.AdminRevokeRequest{Token: token})
		return err
	}
	if err := revoke(f.token, first.GetAccessToken()); !errors.Is(err, fault.Denied) {
		t.Errorf("the gateway: %v, want denied", err)
	}
	if err := revoke(f.admin, ""); !errors.Is(err, fault.Invalid) {
		t.Errorf("without a token: %v, want invalid", err)
	}
	if err := revoke(f.admin, "unknown"); err != nil {
		t.Errorf("an unknown token: %v", err)
	}
	if !f.active(t, first.GetAccessToken()) {
		t.Error("the token is dead too soon")
	}
	for _, token := range []string{first.GetAccessToken(), first.GetRefreshToken()} {
		if err := revoke(f.admin, token); err != nil {
			t.Error(err)
		}
	}
	if f.active(t, first.GetAccessToken()) {
		t.Error("the access token is alive")
	}
	f.refused(t, c1, byRefresh(first.GetRefreshToken()), oauth.InvalidGrant)
}

// Beyond 64, a client's own tokens end together with the older ones among them, and
// with nobody else's.
func TestN309_ManyOfAClientsOwnTokensEndByOneRestriction(t *testing.T) {
	f := newFixture(t)
	own := func() string { return f.mustExchange(t, c1, byCredentials("introspect")).GetAccessToken() }
	user := f.signedIn(t).GetAccessToken()
	f.offset = -10 * time.Minute
	untouched := own()
	for n := range coherent.MaxTokens {
		f.offset += time.Second
		if err := f.revoke(t, c1, own()); err != nil {
			t.Fatalf("token %d: %v", n, err)
		}
	}
	if !f.active(t, untouched) {
		t.Error("an older token ended with 64 others")
	}
	f.offset = -time.Minute
	last := own()
	f.offset = 0
	later := own()
	for range 2 {
		if err := f.revoke(t, c1, last); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		token string
		want  bool
	}{"one that ended": {last, false}, "an older one": {untouched, false}, "a later one": {later, true}, "a user's": {user, true}} {
		if got := f.active(t, tt.token); got != tt.want {
			t.Errorf("%s: active = %t", name, got)
		}
	}
	batch, err := coherenttest.Load(t.Context(), f.log)
	if err != nil || len(batch.Entries) != coherent.MaxTokens+1 {
		t.Errorf("%d rows, %v, want %d", len(batch.Entries), err, coherent.MaxTokens+1)
	}
}
