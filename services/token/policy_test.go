package token_test

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// What a preset decides about tokens.

func unasked(s *setting) { s.preset.Refresh.Unasked = true }

func TestRefreshTokenIsGivenUnaskedWhereThePresetSaysSo(t *testing.T) {
	const online = "openid workspace:member"
	if got := newFixture(t).signedIn(t, withScope(online)); got.RefreshToken != nil {
		t.Error("without the policy, a refresh token without offline_access")
	}
	f := newFixture(t, unasked)
	first := f.signedIn(t, withScope(online))
	if first.RefreshToken == nil || first.GetScope() != online {
		t.Fatalf("scope = %q, refresh token %v, want what was asked for and one", first.GetScope(), first.RefreshToken != nil)
	}
	// The client need not have offline_access either.
	f.registry.change(c1, func(c *registryv1.Client) { c.Scope = online })
	second := f.refresh(t, first.GetRefreshToken())
	if got := f.open(t, second.GetAccessToken()); second.GetScope() != online || got.SessionID != [16]byte{} {
		t.Errorf("scope = %q, session %s, want what was granted, apart from the session", second.GetScope(), got.SessionID)
	}
	if got := f.signedIn(t); got.RefreshToken == nil {
		t.Error("with offline_access, no refresh token")
	}
}

func TestRefreshTokenIsOnlyForWhoIsRegisteredForIt(t *testing.T) {
	f := newFixture(t, unasked)
	token := f.signedIn(t).GetRefreshToken()
	f.registry.change(c1, func(c *registryv1.Client) { c.GrantTypes = []string{oauth.GrantAuthorizationCode} })
	if got := f.signedIn(t); got.RefreshToken != nil {
		t.Error("a client that does not refresh gets a refresh token")
	}
	f.refused(t, c1, byRefresh(token), oauth.UnauthorizedClient)
}

func TestClientWithoutOfflineAccessRefreshesNoMore(t *testing.T) {
	f := newFixture(t)
	token := f.signedIn(t).GetRefreshToken()
	f.registry.change(c1, func(c *registryv1.Client) { c.Scope = "openid workspace:member" })
	f.refused(t, c1, byRefresh(token), oauth.InvalidGrant)
}

// kinds gives the preset one kind of client, and lifetimes that differ from those
// of the default one.
func kinds(s *setting) {
	s.preset.Clients.Kinds = []preset.ClientKind{
		{Name: "robot", AccessToken: 2 * time.Hour},
		{Name: "mcp", AccessToken: 24 * time.Hour, RefreshToken: 48 * time.Hour},
	}
	s.preset.Lifetimes.AccessToken, s.preset.Lifetimes.RefreshToken = 3*time.Hour, 72*time.Hour
}

func TestLifetimesAreTheClientsElseItsKindsElseThePresets(t *testing.T) {
	f := newFixture(t, kinds)
	for _, tt := range []struct {
		name, kind             string
		access, refresh        time.Duration // the client's own
		wantAccess, wantExpiry time.Duration
	}{
		{name: "of no kind", wantAccess: 3 * time.Hour, wantExpiry: 72 * time.Hour},
		{name: "of a kind", kind: "mcp", wantAccess: 24 * time.Hour, wantExpiry: 48 * time.Hour},
		{name: "of a kind with one lifetime", kind: "robot", wantAccess: 2 * time.Hour, wantExpiry: 72 * time.Hour},
		{name: "of a kind that is no more", kind: "toaster", wantAccess: 3 * time.Hour, wantExpiry: 72 * time.Hour},
		{name: "its own", access: time.Minute, refresh: time.Hour, wantAccess: time.Minute, wantExpiry: time.Hour},
		{name: "its own before its kind's", kind: "mcp", access: time.Minute, refresh: time.Hour, wantAccess: time.Minute, wantExpiry: time.Hour},
		{name: "one of its own", kind: "mcp", refresh: time.Hour, wantAccess: 24 * time.Hour, wantExpiry: time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.registry.change(c1, func(c *registryv1.Client) {
				c.ClientKind = tt.kind
				c.AccessTokenLifetime, c.RefreshTokenLifetime = durationpb.New(tt.access), durationpb.New(tt.refresh)
			})
			got := f.signedIn(t)
			if got.GetExpiresIn() != int64(tt.wantAccess/time.Second) {
				t.Errorf("expires_in = %d, want %v", got.GetExpiresIn(), tt.wantAccess)
			}
			token := f.open(t, got.GetAccessToken())
			fam, err := f.setting.stores.Families.Find(t.Context(), token.FamilyID)
			if left := fam.ExpireTime.Sub(token.IssueTime); err != nil || (left-tt.wantExpiry).Abs() > time.Minute {
				t.Errorf("the refresh token lives %v, %v, want %v", left, err, tt.wantExpiry)
			}
			if next := f.refresh(t, got.GetRefreshToken()); next.GetExpiresIn() != got.GetExpiresIn() {
				t.Errorf("refreshed: expires_in = %d, want %d", next.GetExpiresIn(), got.GetExpiresIn())
			}
		})
	}
}

// Each refresh token lives a year from its making, however old the chain is.
func TestN144_ChainMayOutliveAYear(t *testing.T) {
	const year = 365 * 24 * time.Hour
	f := newFixture(t, func(s *setting) {
		s.preset.Lifetimes.RefreshToken, s.preset.Lifetimes.RefreshAbsolute = year, 100*year
	})
	first := f.signedIn(t)
	token := f.open(t, first.GetAccessToken())
	second := f.refresh(t, first.GetRefreshToken())
	fam, err := f.setting.stores.Families.Find(t.Context(), token.FamilyID)
	if err != nil || fam.Generation != 1 || fam.AbsoluteLifetime != 100*year {
		t.Fatalf("Find() = %+v, %v, want a chain of 100 years", fam, err)
	}
	if left := fam.ExpireTime.Sub(token.IssueTime); (left - year).Abs() > time.Minute {
		t.Errorf("the refresh token lives %v, want a year", left)
	}
	f.refresh(t, second.GetRefreshToken())
}

func TestN138_WithoutGraceARotatedTokenEndsTheAuthorizationAtOnce(t *testing.T) {
	f := newFixture(t, func(s *setting) { s.preset.Refresh.Grace = 0 })
	first := f.signedIn(t)
	second := f.refresh(t, first.GetRefreshToken())
	if first.GetRefreshToken() == second.GetRefreshToken() {
		t.Fatal("the token does not rotate")
	}
	f.refused(t, c1, byRefresh(first.GetRefreshToken()), oauth.InvalidGrant)
	if len(f.consent.reasons()) != 1 {
		t.Errorf("the grant is revoked %d times, want once", len(f.consent.reasons()))
	}
	for _, text := range []string{first.GetAccessToken(), second.GetAccessToken()} {
		if f.active(t, text) {
			t.Error("an access token of the authorization is alive")
		}
	}
	f.refused(t, c1, byRefresh(second.GetRefreshToken()), oauth.InvalidGrant)
}

func TestBeforeTheThresholdTheTokenStaysTheSame(t *testing.T) {
	for threshold, rotates := range map[float64]bool{0.5: false, 0: true} {
		f := newFixture(t, func(s *setting) {
			s.preset.Refresh.Confidential, s.preset.Refresh.Threshold, s.preset.Refresh.Grace = "threshold", threshold, 0
		})
		first := f.signedIn(t)
		second := f.refresh(t, first.GetRefreshToken())
		if got := second.GetRefreshToken() != first.GetRefreshToken(); got != rotates || second.RefreshToken == nil {
			t.Errorf("threshold %v: rotated is %v, want %v", threshold, got, rotates)
		}
		f.refresh(t, second.GetRefreshToken())
		if len(f.consent.reasons()) != 0 {
			t.Errorf("threshold %v: the grant is revoked", threshold)
		}
	}
}

func TestConsentHearsOfEachMinting(t *testing.T) {
	f := newFixture(t)
	first := f.signedIn(t)
	f.refresh(t, first.GetRefreshToken())
	f.mustExchange(t, c1, byCredentials("introspect"))
	if len(f.consent.used) != 2 {
		t.Errorf("consent heard of %d mintings, want that of the code and that of the refresh", len(f.consent.used))
	}
	if _, err := f.token.Revoke(t.Context(), &tokenv1.RevokeRequest{Token: first.GetAccessToken()}); err != nil || len(f.consent.used) != 2 {
		t.Errorf("Revoke() = %v, and consent heard of %d mintings", err, len(f.consent.used))
	}
}

func TestRevokeByTheTokenAloneOfADeletedClient(t *testing.T) {
	f := newFixture(t)
	first := f.signedIn(t)
	f.registry.change(c1, nil)
	for _, token := range []string{first.GetAccessToken(), first.GetRefreshToken(), first.GetAccessToken()} {
		if _, err := f.token.Revoke(t.Context(), &tokenv1.RevokeRequest{Token: token}); err != nil {
			t.Errorf("Revoke() = %v", err)
		}
	}
	_, err := f.token.Revoke(t.Context(), &tokenv1.RevokeRequest{Token: first.GetAccessToken(), ClientId: c1.id, ClientSecret: c1.secret})
	if !errors.Is(err, oauth.InvalidClient) {
		t.Errorf("Revoke() with the client's credentials = %v, want invalid_client", err)
	}
}

// The scope is a maximum, and so is the role.
func TestN087_LesserOfScopeAndRoleIsMinted(t *testing.T) {
	roles := []role.Role{role.Viewer, role.Member, role.Admin}
	f := newFixture(t)
	f.registry.change(c1, func(c *registryv1.Client) { c.Scope += " workspace:admin" })
	f.consent.change(func(g *consentv1.Grant) { g.Scope += " workspace:admin" })
	for _, scope := range roles {
		for _, own := range roles {
			f.people.change(func(r *directoryv1.GetSubjectResponse) { r.Memberships[0].Role = own.String() })
			got := f.signedIn(t, withScope("openid workspace:"+scope.String()))
			if shared := f.open(t, got.GetAccessToken()).Resources.Workspaces; len(shared) != 1 || shared[0].Role != role.Min(scope, own) {
				t.Errorf("scope %v of a %v gives %+v, want %v", scope, own, shared, role.Min(scope, own))
			}
		}
	}
}
