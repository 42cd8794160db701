// Package resourceset keeps the shared resources of tokens that have too many to
// carry. A set is named by its digest and never changes, so that it can be
// cached for ever and written any number of times.
package resourceset

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Digest names a set: the SHA-256 of its bytes.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a set.
func DigestOf(set []byte) Digest { return sha256.Sum256(set) }

// ErrNotFound is returned for a set that was never put, or was swept.
var ErrNotFound = errors.New("resource set not found")

// Store keeps sets. Implementations are safe for concurrent use;
// resourcesettest.RunStore says what they must do.
type Store interface {
	// Put keeps the set for as long as any token lives. Doing it again is no error,
	// and keeps it for as long from then on.
	Put(ctx context.Context, set []byte) (Digest, error)
	// Find returns the set. Fails with ErrNotFound.
	Find(ctx context.Context, d Digest) ([]byte, error)
	// Sweeps returns the sets that no live token can name, for deletion.
	Sweeps() []sweep.Table
}

// Sweeps says when a set goes: when no token that names it can be alive.
func Sweeps() []sweep.Rule {
	return []sweep.Rule{
		{Table: "token.resource_set", Key: "digest", Due: "keep_time"},
	}
}
