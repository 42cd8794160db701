// Package assertion remembers which client assertions were used, so that each
// authenticates once (RFC 7523 §3, jti).
//
// It knows nothing of keys or claims. The one thing to get right is the gate:
// of any number of replicas that are shown one assertion at once, one accepts it.
package assertion

import (
	"errors"
	"time"

	"github.com/chancery-auth/chancery/pkg/secret"
)

// ErrUsed is returned for an assertion that was used before.
var ErrUsed = errors.New("client assertion already used")

// Use is one use of an assertion.
type Use struct {
	ClientID string
	// JTI is the digest of the jti claim, which is the client's to choose and
	// may be long.
	JTI secret.Digest
	// ExpireTime is when the assertion cannot be accepted any more, by whatever
	// clock, and the use may be forgotten.
	ExpireTime time.Time
}
