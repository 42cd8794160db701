package caller

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/introspection/internal/accesstoken"
	"github.com/chancery-auth/chancery/services/introspection/internal/verdict"
)

// Find reads a client from its owner. Fails with invalid_token for one that is
// no more.
type Find func(ctx context.Context, clientID string) (Caller, error)

// Holders knows the clients that ask by an access token in place of their own
// credentials (RFC 7662 §2.1). It is safe for concurrent use.
type Holders struct {
	find   Find
	issuer string
	now    func() time.Time // by which tokens expire
	clocks coherent.Clocks
	known  *otter.Cache[string, remembered]
}

// NewHolders returns holders that nobody is known of yet.
func NewHolders(find Find, issuer string, now func() time.Time, clocks coherent.Clocks) *Holders {
	return &Holders{
		find: find, issuer: issuer, now: now, clocks: clocks,
		known: otter.Must(&otter.Options[string, remembered]{MaximumSize: maxRemembered}),
	}
}

// Client returns the client that the token was issued to, as it was at most
// seconds ago; it asks anew where the restrictions say more than it remembers.
// Whoever uses it asks [Holders.Check] too, and needs a lease.
func (h *Holders) Client(ctx context.Context, t *accesstoken.Token, s *coherent.State) (*Caller, error) {
	begin := h.clocks.Now()
	found, ok := h.known.GetIfPresent(t.ClientID)
	if ok && h.clocks.Within(found.verified, rememberFor) && found.caller.Current(s) && found.caller.Introspects(s) {
		return found.caller, nil
	}
	c, err := h.find(ctx, t.ClientID)
	if err != nil {
		return nil, err
	}
	h.known.Set(t.ClientID, remembered{&c, begin})
	return &c, nil
}

// CheckToken refuses a token that could never do, before anybody is asked about
// its client.
func (h *Holders) CheckToken(t *accesstoken.Token, s *coherent.State) error {
	switch {
	case !verdict.Alive(t, s, h.now()), !h.meantForIssuer(t):
		return refused()
	case !t.Scope.Contains(introspect):
		return insufficient()
	default:
		return nil
	}
}

// Check applies RFC 6750 §3.1 to the verdict about a token and to the client
// that it was issued to. Fails with invalid_token or insufficient_scope.
func (h *Holders) Check(v *verdict.Verdict, c *Caller, s *coherent.State) error {
	switch {
	case !v.Active(), !h.meantForIssuer(v.Token), !c.Current(s):
		return refused()
	case !v.Scope.Contains(introspect), !c.Introspects(s):
		return insufficient()
	default:
		return nil
	}
}

// meantForIssuer says whether the token may be used at the issuer itself: it was
// not made for other resources only (RFC 8707 §2).
func (h *Holders) meantForIssuer(t *accesstoken.Token) bool {
	return (&Caller{}).Receives(t, h.issuer)
}

// refused does not say why: the holder of a dead token learns that it is dead.
func refused() error {
	return oauth.Refuse(oauth.InvalidToken, "access token is not active")
}

func insufficient() error {
	return oauth.Refuse(oauth.InsufficientScope, "access token does not have the scope "+introspect)
}
