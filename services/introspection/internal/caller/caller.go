// Package caller knows who asks about tokens, and which tokens they may learn
// about: clients that authenticate or show an access token, and APIs of the
// platform.
//
// The one thing to get right is that a client whose secret was verified a while
// ago may be gone by now. It is known again only together with the restrictions
// (see [Caller.Current]), and never for longer than some seconds.
package caller

import (
	"slices"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/introspection/internal/accesstoken"
	"github.com/chancery-auth/chancery/services/introspection/internal/verdict"
)

// introspect is the scope value that lets a client ask about tokens of others.
const introspect = "introspect"

// Caller is a client as it was when it authenticated. It is immutable.
type Caller struct {
	ClientID string
	// Version and ScopeVersion are the client's counters at that time.
	Version, ScopeVersion int64
	// Scope is every scope that the client may have.
	Scope oauth.Scope
	// Audience is what the client may ask about. Empty stands for the issuer.
	Audience []string
	// SecretID is of the secret that was verified; nil for other methods.
	SecretID uuid.UUID

	// platform is set for an API of the platform, which is no client.
	platform bool
}

// Platform returns an API of the platform that may ask about an audience, which
// is not empty. It is known by what its connection proves, and owns no token.
func Platform(audience []string) *Caller { return &Caller{Audience: audience, platform: true} }

// Current says whether the client may still pass as authenticated.
func (c *Caller) Current(s *coherent.State) bool {
	return c.Version >= s.ClientEpoch(c.ClientID) &&
		(c.SecretID == uuid.Nil || !s.SecretRevoked(c.SecretID))
}

// Introspects says whether the caller may ask about tokens of other clients.
func (c *Caller) Introspects(s *coherent.State) bool {
	return c.platform || verdict.Narrowed(c.Scope, c.ClientID, c.ScopeVersion, s).Contains(introspect)
}

// Owns says whether the token was issued to the client.
func (c *Caller) Owns(t *accesstoken.Token) bool { return !c.platform && t.ClientID == c.ClientID }

// Receives says whether the token is meant for an audience of the client. An
// API must not learn about tokens that were made for another one (RFC 7662 §4).
func (c *Caller) Receives(t *accesstoken.Token, issuer string) bool {
	switch {
	case len(t.Audience) == 0 && len(c.Audience) == 0:
		return true
	case len(t.Audience) == 0:
		return slices.Contains(c.Audience, issuer)
	case len(c.Audience) == 0:
		return slices.Contains(t.Audience, issuer)
	default:
		return slices.ContainsFunc(t.Audience, func(a string) bool { return slices.Contains(c.Audience, a) })
	}
}
