// Package transaction is an authorization that waits for its user: between the
// request of the client and the answer to it there are pages.
//
// It belongs to the browser that began it, which holds a cookie. Its id is in
// URLs and is no secret. Its end is a gate: exactly one answer goes through.
//
// Anybody can begin one without signing in, so there are at most so many, for each
// address and in all: see [Bounds]. The oldest go first, those that nobody has seen
// a page of on their own account, so that a flood of bare requests costs only
// itself. What a person has acted on is never pushed out. The alternative, a request
// that is sealed in the browser until a person acts, was not taken: a request may be
// longer than a cookie or an address, a pushed one would have to be taken from its
// client before, and the release before this one could not read it.
package transaction

import (
	"errors"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
)

// ErrNotFound is returned for a transaction that never was, or is over.
var ErrNotFound = errors.New("transaction not found")

// maxBindings is how many pending authorizations one browser has at a time.
const maxBindings = 5

// idLength is that of a handle of pkg/secret.
const idLength = 43

// Transaction is an authorization that waits for its user. A session that is
// uuid.Nil is none.
type Transaction struct {
	ID      string
	Request authreq.Request
	// Binding is the digest of the browser's cookie.
	Binding secret.Digest
	// Pushed is what the request was kept under while it was pushed only; the
	// zero value for one that was not.
	Pushed secret.Digest
	// AddressBlock is where it was begun.
	AddressBlock string
	// Hold is what keeps it from being pushed out. A store says; [Store.Create] begins
	// with none.
	Hold Hold
	// What has happened, each with the session it happened in.
	Stages
}

// Hold is what keeps a transaction from being pushed out by later ones.
type Hold uint8

const (
	// Begun is none: there was a request.
	Begun Hold = iota
	// Viewed says that the browser which began it has shown the sign-in page.
	Viewed
	// Acted says that a password was tried in it, or that somebody who is signed in
	// was shown a page.
	Acted
)

// Bounds are how many transactions there may be.
type Bounds struct {
	// PerAddress is how many of each [Hold] one address block has. One that would be
	// one too many of those that are Acted stays Viewed.
	PerAddress int
	// InAll is how many are Begun, and how many Viewed. It may be exceeded by a
	// hundredth in each process. Those that are Acted have no bound in all: each took
	// a password, or somebody who is signed in.
	InAll int
}

// DefaultBounds has room for the people of a large office who all sign in within the
// lifetime of a transaction.
func DefaultBounds() Bounds { return Bounds{PerAddress: 1000, InAll: 100_000} }

// due reports whether the n-th transaction that a process creates, from 1, is one
// after which it looks at how many there are in all. The first is.
func (b Bounds) due(n int64) bool { return (n-1)%int64(max(1, b.InAll/100)) == 0 }

// Stages are what has happened in a transaction.
type Stages struct {
	// SignedIn is the session that a sign-in during the transaction made.
	SignedIn uuid.UUID
	// Chosen is the session whose account the user chose to go on with.
	Chosen uuid.UUID
	// LeftBehind is the session whose account the user did not want.
	LeftBehind uuid.UUID
	// Offered is the session whose account was last offered to go on with.
	Offered uuid.UUID
	// Shown is the session for which the consent page was last shown.
	Shown uuid.UUID
	// ShownClient is as what it showed the client. Zero: nobody has noted that.
	ShownClient secret.Digest
}

// Seen is what a stage is noted with.
type Seen struct {
	Session uuid.UUID
	// Client is as what the client is shown. Only [Shown] keeps it.
	Client secret.Digest
}

// Stage names one of the [Stages].
type Stage uint8

// The stages.
const (
	SignedIn Stage = iota + 1
	Chosen
	LeftBehind
	Offered
	Shown
	// Tried says that a password was tried, and was not right. It has no session, and
	// nothing but the Hold remembers it.
	Tried
)

// Note sets one stage. An account is either chosen or left behind, whichever was
// said last.
func (s *Stages) Note(stage Stage, in Seen) {
	switch stage {
	case SignedIn:
		s.SignedIn = in.Session
	case Chosen:
		s.Chosen, s.LeftBehind = in.Session, uuid.Nil
	case LeftBehind:
		s.LeftBehind, s.Chosen = in.Session, uuid.Nil
	case Offered:
		s.Offered = in.Session
	case Shown:
		s.Shown, s.ShownClient = in.Session, in.Client
	case Tried:
	}
}

// BoundTo reports whether one of the cookies is that of the browser which began
// the transaction. Only the first few count: no browser of ours has more.
func (t Transaction) BoundTo(bindings []string) bool {
	for _, binding := range bindings[:min(len(bindings), maxBindings)] {
		if t.Binding.Equal(secret.DigestOf(binding)) {
			return true
		}
	}
	return false
}

// checkID refuses what is no id, before a store is asked. Fails with
// ErrNotFound.
func checkID(id string) error {
	if len(id) != idLength {
		return ErrNotFound
	}
	for i := range len(id) {
		c := id[i]
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return ErrNotFound
		}
	}
	return nil
}
