package token_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/oauth"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// counted implements token.Counters.
type counted struct {
	mu sync.Mutex
	by map[string]int
}

func (c *counted) count(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by[what]++
}

func (c *counted) TokensIssued(_ context.Context, grantType string) { c.count(grantType) }
func (c *counted) RefreshReuse(context.Context)                     { c.count("reuse") }
func (c *counted) RefreshRepeat(context.Context)                    { c.count("repeat") }
func (c *counted) RefreshExtended(context.Context)                  { c.count("extended") }
func (c *counted) RefreshAhead(context.Context)                     { c.count("ahead") }
func (c *counted) CodeReplay(context.Context)                       { c.count("replay") }

func (c *counted) check(t *testing.T, when string, want map[string]int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if diff := cmp.Diff(want, c.by); diff != "" {
		t.Errorf("%s (-want +got):\n%s", when, diff)
	}
	clear(c.by)
}

// Issuing is counted and not recorded; what ends is recorded.
func TestWhatHappensIsCountedOnceAndRecordedOnce(t *testing.T) {
	counters := &counted{by: make(map[string]int)}
	f := newFixture(t, func(s *setting) { s.counters = counters })
	f.registry.change(c1, withoutGrace)
	trail := f.setting.audit.Follow(t)

	code := f.code(t)
	first := f.mustExchange(t, c1, byCode(code))
	own := f.mustExchange(t, c1, byCredentials("introspect"))
	f.refused(t, c1, byCredentials("openid"), oauth.InvalidScope)
	f.refused(t, c1, &tokenv1.ExchangeRequest{GrantType: "password"}, oauth.UnsupportedGrantType)
	f.mustExchange(t, c1, byRefresh(first.GetRefreshToken()))
	counters.check(t, "issued", map[string]int{oauth.GrantAuthorizationCode: 1, oauth.GrantClientCredentials: 1, oauth.GrantRefreshToken: 1})
	trail.Check(t)

	family := f.open(t, first.GetAccessToken()).FamilyID
	concerns := event.Event{Type: event.CodeReused, ClientID: c1.id, Sub: sub, GrantID: grantID, FamilyID: family}
	f.refused(t, c1, byCode(code), oauth.InvalidGrant)
	counters.check(t, "replayed", map[string]int{"replay": 1})
	trail.Check(t, concerns)

	second := f.signedIn(t)
	access := f.open(t, second.GetAccessToken())
	for _, token := range []string{own.GetAccessToken(), second.GetAccessToken(), second.GetRefreshToken(), second.GetRefreshToken()} {
		if err := f.revoke(t, c1, token); err != nil {
			t.Fatal(err)
		}
	}
	concerns.Type, concerns.FamilyID = event.TokenRevoked, access.FamilyID
	ended := concerns
	ended.Type, ended.Reason = event.FamilyEnded, "revoked"
	trail.Check(t, event.Event{Type: event.TokenRevoked, ClientID: c1.id}, concerns, ended)

	third := f.signedIn(t)
	f.refresh(t, third.GetRefreshToken())
	clear(counters.by)
	for range 2 {
		f.refused(t, c1, byRefresh(third.GetRefreshToken()), oauth.InvalidGrant)
	}
	counters.check(t, "reused", map[string]int{"reuse": 1})
	concerns.Type, concerns.FamilyID = event.FamilyReused, f.open(t, third.GetAccessToken()).FamilyID
	trail.Check(t, concerns)
}

// N291: what cannot be recorded is not answered as done.
func TestN291_UnrecordedRevocationFails(t *testing.T) {
	f := newFixture(t)
	tokens := f.signedIn(t)
	f.setting.audit.Break(t)
	for _, token := range []string{tokens.GetAccessToken(), tokens.GetRefreshToken()} {
		if err := f.revoke(t, c1, token); err == nil {
			t.Error("a revocation without a record succeeds")
		}
	}
	if !f.active(t, tokens.GetAccessToken()) {
		t.Error("the token ended without a record")
	}
	f.refresh(t, tokens.GetRefreshToken())
}
