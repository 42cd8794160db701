// Package resourceset keeps the shared resources of tokens that have too many to
// carry. A set is named by its digest and never changes, so that it can be
// cached for ever and written any number of times.
package resourceset

import (
	"crypto/sha256"
	"errors"
)

// Digest names a set: the SHA-256 of its bytes.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a set.
func DigestOf(set []byte) Digest { return sha256.Sum256(set) }

// ErrNotFound is returned for a set that was never put, or was swept.
var ErrNotFound = errors.New("resource set not found")
