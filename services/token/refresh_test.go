package token_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

// signedIn is a first answer with a refresh token.
func (f *fixture) signedIn(t *testing.T, change ...func(*tokenv1.IssueCodeRequest)) *tokenv1.ExchangeResponse {
	t.Helper()
	return f.mustExchange(t, c1, byCode(f.code(t, change...)))
}

// refresh returns the next answer.
func (f *fixture) refresh(t *testing.T, token string) *tokenv1.ExchangeResponse {
	t.Helper()
	return f.mustExchange(t, c1, byRefresh(token))
}

func withoutGrace(c *registryv1.Client) { c.RefreshGrace = durationpb.New(0) }

func TestN135_RefreshTokenOfAnotherClient(t *testing.T) {
	f := newFixture(t)
	first := f.signedIn(t)
	f.refused(t, c2, byRefresh(first.GetRefreshToken()), oauth.InvalidGrant)
	f.refused(t, client{c1.id, oauth.AuthNone, ""}, byRefresh(first.GetRefreshToken()), oauth.InvalidClient)
	if len(f.consent.reasons()) != 0 {
		t.Error("the grant is revoked")
	}
	second := f.refresh(t, first.GetRefreshToken())
	if !f.active(t, first.GetAccessToken()) || !f.active(t, second.GetAccessToken()) {
		t.Error("a stranger's attempt ended tokens")
	}
}

func TestN136_64RefreshesGiveOneSuccessor(t *testing.T) {
	f := newFixture(t)
	first := f.signedIn(t)
	var mu sync.Mutex
	successors := make(map[string]int)
	storetest.AtOnce(64, func(int) {
		resp, err := f.exchange(t, c1, byRefresh(first.GetRefreshToken()))
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		successors[resp.GetRefreshToken()]++
	})
	if len(successors) != 1 || successors[first.GetRefreshToken()] != 0 {
		t.Errorf("%d successors, want one, and another than before", len(successors))
	}
	for token := range successors {
		f.refresh(t, token)
	}
}

func TestN137_LostAnswerMayBeAskedForAgain(t *testing.T) {
	f := newFixture(t)
	first := f.signedIn(t)
	second := f.refresh(t, first.GetRefreshToken())
	again := f.refresh(t, first.GetRefreshToken())
	if second.GetRefreshToken() != again.GetRefreshToken() || second.GetAccessToken() == again.GetAccessToken() {
		t.Error("a repetition gives another successor, or the same access token")
	}
	f.refresh(t, again.GetRefreshToken())
}

func TestN138_ReuseEndsTheGrant(t *testing.T) {
	tests := map[string]func(*testing.T, *fixture, string) string{
		"after the successor was used": func(t *testing.T, f *fixture, first string) string {
			t.Helper()
			return f.refresh(t, f.refresh(t, first).GetRefreshToken()).GetRefreshToken()
		},
		"after the grace": func(t *testing.T, f *fixture, first string) string {
			t.Helper()
			f.registry.change(c1, withoutGrace)
			return f.refresh(t, first).GetRefreshToken()
		},
	}
	for name, use := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			first := f.signedIn(t)
			last := use(t, f, first.GetRefreshToken())
			f.refused(t, c1, byRefresh(first.GetRefreshToken()), oauth.InvalidGrant)
			if !slices.Equal(f.consent.reasons(), []consentv1.RevokeGrantRequest_Reason{consentv1.RevokeGrantRequest_REASON_REUSE}) {
				t.Errorf("the grant is revoked for %v, want REUSE", f.consent.reasons())
			}
			f.refused(t, c1, byRefresh(last), oauth.InvalidGrant)
			if f.active(t, first.GetAccessToken()) {
				t.Error("an access token of the family is alive")
			}
			// Not by the grant's end alone.
			f.consent.revoked = nil
			if f.active(t, first.GetAccessToken()) {
				t.Error("the family's own restriction is missing")
			}
		})
	}
}

// A failure half-way is no success, and the repetition gets there again.
func TestN138_ReuseCountsUntilTheGrantHasEnded(t *testing.T) {
	f := newFixture(t)
	f.registry.change(c1, withoutGrace)
	first := f.signedIn(t)
	second := f.refresh(t, first.GetRefreshToken())
	f.consent.cannotRevoke = oauth.Refuse(oauth.TemporarilyUnavailable, "away")
	f.refused(t, c1, byRefresh(first.GetRefreshToken()), oauth.TemporarilyUnavailable)
	f.consent.cannotRevoke = nil
	f.refused(t, c1, byRefresh(first.GetRefreshToken()), oauth.InvalidGrant)
	if len(f.consent.reasons()) != 1 || f.active(t, second.GetAccessToken()) {
		t.Error("the repetition does not end the grant")
	}
}

func TestN139_PredecessorFromAnotherClientEndsTheGrant(t *testing.T) {
	f := newFixture(t)
	first := f.signedIn(t)
	second := f.refresh(t, first.GetRefreshToken())
	f.refused(t, c2, byRefresh(first.GetRefreshToken()), oauth.InvalidGrant)
	if len(f.consent.reasons()) != 1 {
		t.Error("the grant is alive")
	}
	f.refused(t, c1, byRefresh(second.GetRefreshToken()), oauth.InvalidGrant)
}

func TestN140_NarrowingIsPerToken(t *testing.T) {
	f := newFixture(t)
	last := f.signedIn(t)
	ask := func(scope string) *tokenv1.ExchangeRequest {
		req := byRefresh(last.GetRefreshToken())
		req.Scope = scope
		return req
	}
	for _, scope := range []string{"openid email", "openid offline_access workspace:member profile", "openid  offline_access", "OPENID"} {
		f.refused(t, c1, ask(scope), oauth.InvalidScope)
	}
	last = f.mustExchange(t, c1, ask("offline_access"))
	if last.GetScope() != "offline_access" || last.IdToken != nil || len(f.open(t, last.GetAccessToken()).Resources.Workspaces) != 0 {
		t.Errorf("scope = %q, want what was asked for and nothing that hangs on the rest", last.GetScope())
	}
	last = f.mustExchange(t, c1, ask(""))
	if last.GetScope() != "openid offline_access workspace:member" || last.IdToken == nil {
		t.Errorf("scope = %q, want all that was granted", last.GetScope())
	}
}

func TestN141_ScopeOfTheClientIsRead(t *testing.T) {
	f := newFixture(t)
	first := f.signedIn(t)
	f.registry.change(c1, func(c *registryv1.Client) { c.Scope, c.ScopeVersion = "openid offline_access email", 3 })
	second := f.refresh(t, first.GetRefreshToken())
	if token := f.open(t, second.GetAccessToken()); second.GetScope() != "openid offline_access" || token.ClientScopeVersion != 3 {
		t.Errorf("scope = %q at version %d, want none that was taken and none that was added", second.GetScope(), token.ClientScopeVersion)
	}
	f.registry.change(c1, func(c *registryv1.Client) { c.Scope = "openid email" })
	f.refused(t, c1, byRefresh(second.GetRefreshToken()), oauth.InvalidGrant)
	f.registry.change(c1, func(c *registryv1.Client) { c.Scope = "offline_access introspect" })
	f.refresh(t, second.GetRefreshToken())
}

func TestN142_StandingOfTheSubjectIsRead(t *testing.T) {
	lost := map[string]struct {
		change func(*directoryv1.GetSubjectResponse)
		scope  string
		roles  string
	}{
		"nothing":            {func(*directoryv1.GetSubjectResponse) {}, "openid offline_access workspace:member project:viewer", "member viewer"},
		"membership":         {func(r *directoryv1.GetSubjectResponse) { r.Memberships, r.Projects = nil, nil }, "openid offline_access", ""},
		"a new membership":   {func(r *directoryv1.GetSubjectResponse) { r.Memberships[0].MembershipId = membership2.String() }, "openid offline_access", ""},
		"role":               {func(r *directoryv1.GetSubjectResponse) { r.Memberships[0].Role = "viewer" }, "openid offline_access workspace:member project:viewer", "viewer viewer"},
		"the project":        {func(r *directoryv1.GetSubjectResponse) { r.Projects = nil }, "openid offline_access workspace:member", "member"},
		"the project, moved": {func(r *directoryv1.GetSubjectResponse) { r.Projects[0].WorkspaceId = workspace2.String() }, "openid offline_access workspace:member", "member"},
	}
	for name, tt := range lost {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			first := f.signedIn(t, withScope("openid offline_access workspace:member project:viewer"))
			f.people.change(tt.change)
			second := f.refresh(t, first.GetRefreshToken())
			var roles []string
			token := f.open(t, second.GetAccessToken())
			for _, w := range token.Resources.Workspaces {
				roles = append(roles, w.Role.String())
			}
			for _, p := range token.Resources.Projects {
				roles = append(roles, p.Role.String())
			}
			if second.GetScope() != tt.scope || strings.Join(roles, " ") != tt.roles {
				t.Errorf("scope = %q with roles %v, want %q with %q", second.GetScope(), roles, tt.scope, tt.roles)
			}
		})
	}
}

func TestN142_AllResourcesGoneIsInvalidGrant(t *testing.T) {
	f := newFixture(t)
	f.registry.change(c1, func(c *registryv1.Client) { c.Scope = "offline_access workspace:viewer" })
	f.consent.change(func(g *consentv1.Grant) { g.Scope = "workspace:viewer" })
	text := f.code(t, withScope("workspace:viewer"))
	f.people.change(func(r *directoryv1.GetSubjectResponse) { r.Memberships = nil })
	f.refused(t, c1, byCode(text), oauth.InvalidGrant)
}

func TestN143_WhatEndsARefreshTokenAtOnce(t *testing.T) {
	for name, happen := range map[string]struct {
		do   func(*fixture)
		want error
	}{
		"subject disabled": {func(f *fixture) {
			f.people.change(func(r *directoryv1.GetSubjectResponse) { r.Subject.Disabled = true })
		}, oauth.InvalidGrant},
		"subject signed out everywhere": {func(f *fixture) {
			f.people.change(func(r *directoryv1.GetSubjectResponse) { r.Subject.Version = 2 })
		}, oauth.InvalidGrant},
		"subject deleted":    {func(f *fixture) { f.people.change(nil) }, oauth.InvalidGrant},
		"N190 grant revoked": {func(f *fixture) { f.consent.revoked = append(f.consent.revoked, 2) }, oauth.InvalidGrant},
		"client deleted":     {func(f *fixture) { f.registry.change(c1, nil) }, oauth.InvalidClient},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			first := f.signedIn(t)
			second := f.refresh(t, first.GetRefreshToken())
			happen.do(f)
			f.refused(t, c1, byRefresh(second.GetRefreshToken()), happen.want)
		})
	}
}

func TestN144_RefreshTokenExpires(t *testing.T) {
	f := newFixture(t)
	f.registry.change(c1, func(c *registryv1.Client) { c.RefreshTokenLifetime = durationpb.New(time.Microsecond) })
	first := f.signedIn(t)
	// This replica's clock does not matter.
	f.offset = -time.Hour
	f.refused(t, c1, byRefresh(first.GetRefreshToken()), oauth.InvalidGrant)
	f.registry.change(c1, func(c *registryv1.Client) { c.RefreshTokenLifetime = durationpb.New(time.Hour) })
	f.offset = 0
	next := f.signedIn(t)
	f.offset = 48 * time.Hour
	f.refresh(t, next.GetRefreshToken())
}

func TestN145_OldestFamilyEndsBeyondTheLimit(t *testing.T) {
	f := newFixture(t, func(s *setting) { s.preset.Refresh.MaxFamilies = 3 })
	oldest := f.signedIn(t)
	var younger []*tokenv1.ExchangeResponse
	for len(younger) < 3 {
		// The store's clock has to move on between two of them.
		batch, err := coherenttest.Load(t.Context(), f.log)
		if err != nil {
			t.Fatal(err)
		}
		for now := batch.DatabaseTime; !now.After(batch.DatabaseTime); {
			later, err := coherenttest.Load(t.Context(), f.log)
			if err != nil {
				t.Fatal(err)
			}
			now = later.DatabaseTime
		}
		younger = append(younger, f.signedIn(t))
	}
	f.refused(t, c1, byRefresh(oldest.GetRefreshToken()), oauth.InvalidGrant)
	if f.active(t, oldest.GetAccessToken()) {
		t.Error("access token of the oldest family is alive")
	}
	for _, r := range younger {
		f.refresh(t, r.GetRefreshToken())
	}
}

func TestN147_StateSurvivesARestart(t *testing.T) {
	f := newFixture(t)
	f.registry.change(c1, withoutGrace)
	first := f.signedIn(t)
	second := f.refresh(t, first.GetRefreshToken())
	if err := f.service.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	third := f.refresh(t, second.GetRefreshToken())
	f.refused(t, c1, byRefresh(first.GetRefreshToken()), oauth.InvalidGrant)
	f.refused(t, c1, byRefresh(third.GetRefreshToken()), oauth.InvalidGrant)
}

// What is minted after the revocation seals the version before it.
func TestN148_RevocationAgainstRefresh(t *testing.T) {
	f := newFixture(t)
	for range 25 {
		f.consent.mu.Lock()
		f.consent.revoked = nil
		f.consent.mu.Unlock()
		token := f.signedIn(t).GetRefreshToken()
		var mu sync.Mutex
		var minted []string
		storetest.AtOnce(5, func(i int) {
			if i == 0 {
				if _, err := f.consent.RevokeGrant(t.Context(), &consentv1.RevokeGrantRequest{GrantId: grantID.String()}); err != nil {
					t.Error(err)
				}
				f.refused(t, c1, byRefresh(token), oauth.InvalidGrant)
				return
			}
			resp, err := f.exchange(t, c1, byRefresh(token))
			if err != nil && !errors.Is(err, oauth.InvalidGrant) {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			minted = append(minted, resp.GetAccessToken())
		})
		for _, text := range minted {
			if text != "" && f.active(t, text) {
				t.Error("a token minted beside the revocation is alive after it")
			}
		}
	}
}

func TestN149_WhatIsNoRefreshTokenOfOurs(t *testing.T) {
	f, other := newFixture(t), newFixture(t)
	first := f.signedIn(t)
	text := first.GetRefreshToken()
	never, err := f.sealer.SealRefreshToken(credential.RefreshToken{FamilyID: grantID, KeyID: f.sealer.Primary()})
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"flipped": flip(text), "cut": text[:len(text)-1], "extended": text + "A", "line feed": text + "\n",
		"access token": first.GetAccessToken(), "code": f.code(t), "of other keys": other.signedIn(t).GetRefreshToken(),
		"of no family": never,
	} {
		t.Run(name, func(t *testing.T) { f.refused(t, c1, byRefresh(token), oauth.InvalidGrant) })
	}
	f.refresh(t, text)
}

func TestRotationIsThePolicyOfTheClient(t *testing.T) {
	for policy, rotates := range map[string]bool{"": true, "always": true, "never": false, "threshold": false} {
		t.Run("policy "+policy, func(t *testing.T) {
			f := newFixture(t)
			f.registry.change(c1, func(c *registryv1.Client) { c.RefreshRotation = policy })
			first := f.signedIn(t)
			second := f.refresh(t, first.GetRefreshToken())
			if got := second.GetRefreshToken() != first.GetRefreshToken(); got != rotates || second.RefreshToken == nil {
				t.Errorf("rotated is %v, want %v", got, rotates)
			}
		})
	}
}

func TestPresetDecidesTheRotationByKindOfClient(t *testing.T) {
	f := newFixture(t, func(s *setting) { s.preset.Refresh.Confidential, s.preset.Refresh.Public = "never", "always" })
	first := f.signedIn(t)
	if second := f.refresh(t, first.GetRefreshToken()); second.GetRefreshToken() != first.GetRefreshToken() {
		t.Error("the confidential client's token rotates")
	}
	f.consent.change(func(g *consentv1.Grant) { g.ClientId = p1.id })
	public := f.mustExchange(t, p1, byCode(f.code(t, func(r *tokenv1.IssueCodeRequest) { r.ClientId = p1.id })))
	if next := f.mustExchange(t, p1, byRefresh(public.GetRefreshToken())); next.GetRefreshToken() == public.GetRefreshToken() {
		t.Error("the public client's token does not rotate")
	}
}

// RFC 8707 §2.2.
func TestResourceOfARefreshIsNarrowed(t *testing.T) {
	f := newFixture(t)
	first := f.signedIn(t, func(r *tokenv1.IssueCodeRequest) { r.Resource = []string{api, "https://b.example"} })
	req := byRefresh(first.GetRefreshToken())
	req.Resource = []string{issuer}
	f.refused(t, c1, req, oauth.InvalidTarget)
	req.Resource = []string{api}
	second := f.mustExchange(t, c1, req)
	if got := f.open(t, second.GetAccessToken()).Audience; !slices.Equal(got, []string{api}) {
		t.Errorf("audience = %v, want what was asked for", got)
	}
	third := f.refresh(t, second.GetRefreshToken())
	if got := f.open(t, third.GetAccessToken()).Audience; len(got) != 2 {
		t.Errorf("audience = %v, want all that was granted", got)
	}
}
