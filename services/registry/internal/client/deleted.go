package client

import (
	"crypto/sha256"
	"time"
)

// nameHeld is how long the name of a deleted client stays its owner's: whoever
// takes it sooner poses before users as what they knew.
const nameHeld = 30 * 24 * time.Hour

// NameDigest is the same for names that read the same but for case, width and
// style.
func (c Client) NameDigest() []byte {
	digest := sha256.Sum256([]byte(plain(c.ClientName)))
	return digest[:]
}

// HoldsName reports whether the client leaves its name to its owner when it is
// deleted. Many clients that register themselves have one name, and no owner.
func (c Client) HoldsName() bool { return !c.Registered() }
