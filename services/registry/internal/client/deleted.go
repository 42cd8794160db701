package client

import (
	"bytes"
	"crypto/sha256"
	"time"
)

// MaxNameHold is the longest for which the name of a deleted client stays its
// owner's: another owner with it would pose before users as what they knew. It is held
// no longer than the client lived, in whole hours, so that nobody takes names away
// by making clients and deleting them.
const MaxNameHold = 30 * 24 * time.Hour

// Unnamed is the name of a client that registers itself and says none (RFC 7591 §2
// only recommends it), so that users are told as much.
const Unnamed = "Unnamed app"

// NameDigest is the same for names that read the same but for case, width and
// style.
func (c Client) NameDigest() []byte {
	digest := sha256.Sum256([]byte(plain(c.ClientName)))
	return digest[:]
}

// NameKey is the sort key of clients whose name reads as that of c.
func (c Client) NameKey() string { return sortKey(plain(c.ClientName)) }

// HoldsName reports whether the client leaves its name to its owner when it is
// deleted. Many clients that register themselves have one name, and no owner.
func (c Client) HoldsName() bool {
	return !c.Registered() && !bytes.Equal(c.NameDigest(), Client{ClientName: Unnamed}.NameDigest())
}

// OfOperators reports whether the client is the operators' own, who may give it a
// name that is held.
func (c Client) OfOperators() bool { return c.WorkspaceID == "" && !c.Registered() }
