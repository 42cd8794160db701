// Package assertion remembers which client assertions were used, so that each
// authenticates once (RFC 7523 §3, jti).
//
// It knows nothing of keys or claims. The one thing to get right is the gate:
// of any number of replicas that are shown one assertion at once, one accepts it.
package assertion

import (
	"context"
	"errors"
	"time"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
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

// Store remembers uses. Implementations are safe for concurrent use, across
// processes too; assertiontest.RunStore says what they must do.
type Store interface {
	// Add remembers u. Of any number of callers with the same client and jti
	// exactly one succeeds; the rest get ErrUsed.
	Add(ctx context.Context, u Use) error
	// Sweeps returns the assertions that have expired, for deletion.
	Sweeps() []sweep.Table
}

// Sweeps says when a use goes: when its assertion could not be accepted anyway.
func Sweeps() []sweep.Rule {
	return []sweep.Rule{
		{Table: "registry.used_assertion", Key: "client_id, jti_digest", Due: "expire_time"},
	}
}
