package secret

import (
	"crypto/sha256"
	"crypto/subtle"
)

// Digest is the SHA-256 of a secret: what a store keeps and looks up by.
type Digest [sha256.Size]byte

// DigestOf returns the digest of the text s. It is meant for the random values
// of this package; for a password it would be far too fast.
func DigestOf(s string) Digest { return sha256.Sum256([]byte(s)) }

// Equal compares in constant time.
func (d Digest) Equal(other Digest) bool {
	return subtle.ConstantTimeCompare(d[:], other[:]) == 1
}
