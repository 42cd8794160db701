package token_test

import (
	"errors"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// withLimits lets each client make four token requests and four revocations, and two
// a second after that.
func withLimits(now *time.Time) func(*setting) {
	return func(s *setting) {
		limiter := ratelimit.New(func() time.Time { return *now }, nil)
		s.exchanges = ratelimit.Gate{Limiter: limiter, Class: ratelimit.Class{Name: ratelimit.Token, Rate: 2}}
		s.revocations = ratelimit.Gate{Limiter: limiter, Class: ratelimit.Class{Name: ratelimit.Revoke, Rate: 2}}
	}
}

func TestN319_EachClientHasItsAllowance(t *testing.T) {
	var now time.Time
	f := newFixture(t, withLimits(&now))
	code := f.code(t)
	for range 4 {
		f.mustExchange(t, c1, byCredentials("introspect"))
	}
	f.refused(t, c1, byCredentials("introspect"), fault.Exhausted)
	f.refused(t, c1, byCode(code), fault.Exhausted)
	f.mustExchange(t, c2, byCredentials("introspect"))
	// Revocations are another class, though its numbers are the same.
	for i := range 5 {
		if err := f.revoke(t, c1, "unknown"); (err == nil) != (i < 4) || err != nil && !errors.Is(err, fault.Exhausted) {
			t.Errorf("revocation %d: %v", i, err)
		}
	}
	// A code that was refused so is not used up.
	now = now.Add(time.Second)
	f.mustExchange(t, c1, byCode(code))
}

// N111: whoever has a client's name and not its secret takes nothing of its
// allowance, and the name of a public client is everybody's.
func TestN111_WrongSecretsTakeNothingOfTheClientsAllowance(t *testing.T) {
	var now time.Time
	f := newFixture(t, withLimits(&now))
	for range 20 {
		f.refused(t, client{c1.id, c1.method, "wrong"}, byCredentials("introspect"), oauth.InvalidClient)
	}
	for range 4 {
		f.mustExchange(t, c1, byCredentials("introspect"))
	}
	for range 20 {
		f.refused(t, p1, &tokenv1.ExchangeRequest{GrantType: oauth.GrantRefreshToken, RefreshToken: "unknown"}, oauth.InvalidGrant)
	}
}
