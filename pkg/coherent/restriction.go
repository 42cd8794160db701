package coherent

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/role"
)

// Kind says what a restriction is about, and how its key and value read. The
// numbers are stored and sent: they never change, and none is used again.
type Kind int16

// The kinds. "Presence" means that the row alone restricts; "epoch" that what
// was sealed with a lesser version is dead.
const (
	KindToken       Kind = 1  // one access token: key is its id, presence; value: see Of
	KindGrant       Kind = 2  // key is the grant id, epoch; value: see Of
	KindFamily      Kind = 3  // key is the family id; FamilyEnded, or epoch; value: see Of
	KindSession     Kind = 4  // key is the session id, presence
	KindSubject     Kind = 5  // key is sub, epoch; Deleted is for good
	KindClient      Kind = 6  // key is client_id, epoch; Deleted is for good
	KindClientScope Kind = 7  // key is client_id; value is the scope still allowed
	KindMembership  Kind = 8  // key is sub, 0, workspace id; value is the role still held
	KindProject     Kind = 9  // key is the project id, epoch
	KindKey         Kind = 10 // key is the sealing key id, presence
	KindSecret      Kind = 11 // key is the client secret id, presence
	KindRestore     Kind = 12 // no key; epoch of the whole installation
)

// Deleted is the version of a subject or client that is gone for good.
const Deleted int64 = math.MaxInt64

// FamilyEnded is the version of a family that is gone for good. Another one is the
// Unix time in seconds before which the tokens that ended were issued.
const FamilyEnded int64 = 1

// Restriction is one thing that is no longer allowed. Build it with one of the
// functions below, which know the form of each kind.
type Restriction struct {
	Kind Kind
	Key  []byte
	// Version is the counter of the row concerned after the restricting UPDATE.
	// It is 0 where presence is all there is.
	Version int64
	Value   []byte
}

// Token revokes one access token.
func Token(id [16]byte) Restriction { return Restriction{Kind: KindToken, Key: id[:]} }

// Grant ends every token of the grant that was sealed before version.
func Grant(id uuid.UUID, version int64) Restriction {
	return Restriction{Kind: KindGrant, Key: id[:], Version: version}
}

// Family ends every access token of a family that was issued before version, a Unix
// time in seconds; or all of them for good with [FamilyEnded]. A family is what
// descends from one code, or what a client was given by its own credentials.
func Family(id uuid.UUID, version int64) Restriction {
	return Restriction{Kind: KindFamily, Key: id[:], Version: version}
}

// Of returns r with the client that it belongs to: whoever is given a token, family
// or grant is charged for the room that its end takes on every replica. Others belong
// to none, and are returned as they are.
func (r Restriction) Of(clientID string) Restriction {
	switch {
	case clientID == "":
	case r.Kind == KindToken:
		return r.InFamily(uuid.Nil, clientID)
	case r.Kind == KindGrant || r.Kind == KindFamily:
		r.Value = []byte(clientID)
	}
	return r
}

// InFamily is [Restriction.Of] for a token, with the family that it is of. Nil says
// that there is none.
func (r Restriction) InFamily(family uuid.UUID, clientID string) Restriction {
	if family != uuid.Nil || clientID != "" {
		r.Value = append(family[:], clientID...)
	}
	return r
}

// client is what [Restriction.Of] has set; empty for none, as in rows of releases
// that did not say.
func (r Restriction) client() string {
	switch {
	case r.Kind == KindToken && len(r.Value) > len(uuid.Nil):
		return string(r.Value[len(uuid.Nil):])
	case r.Kind == KindGrant || r.Kind == KindFamily:
		return string(r.Value)
	}
	return ""
}

// Session ends what was issued within a sign-in session.
func Session(id uuid.UUID) Restriction { return Restriction{Kind: KindSession, Key: id[:]} }

// Subject ends every token of the subject that was sealed before version.
func Subject(sub string, version int64) Restriction {
	return Restriction{Kind: KindSubject, Key: []byte(sub), Version: version}
}

// Client ends every token of the client that was sealed before version.
func Client(clientID string, version int64) Restriction {
	return Restriction{Kind: KindClient, Key: []byte(clientID), Version: version}
}

// ClientScope narrows tokens of the client that were sealed before version to
// scope, in the form of the scope parameter (RFC 6749 §3.3).
func ClientScope(clientID string, version int64, scope string) Restriction {
	return Restriction{Kind: KindClientScope, Key: []byte(clientID), Version: version, Value: []byte(scope)}
}

// Membership caps what tokens sealed before version say about the role of the
// subject in a workspace; [role.None] removes the workspace from them.
func Membership(sub string, workspace uuid.UUID, version int64, r role.Role) Restriction {
	key := append(append([]byte(sub), 0), workspace[:]...)
	return Restriction{Kind: KindMembership, Key: key, Version: version, Value: []byte{byte(r)}}
}

// Project removes the project from tokens that were sealed before version.
func Project(id uuid.UUID, version int64) Restriction {
	return Restriction{Kind: KindProject, Key: id[:], Version: version}
}

// SealingKey ends everything that was sealed or signed with the key.
func SealingKey(id uint32) Restriction {
	return Restriction{Kind: KindKey, Key: binary.BigEndian.AppendUint32(nil, id)}
}

// Secret says that a client secret was revoked: who remembers having verified
// it must forget that.
func Secret(id uuid.UUID) Restriction { return Restriction{Kind: KindSecret, Key: id[:]} }

// Restore ends every token of the installation that was sealed before epoch.
func Restore(epoch int64) Restriction { return Restriction{Kind: KindRestore, Version: epoch} }

// secretKeep is how long [KindSecret] is kept. No token hangs on a client secret,
// but only what somebody remembers of having verified it, which is seconds: the
// rest is a margin. Clients replace their secrets as often as they like, and what
// is kept for long takes room on every replica.
const secretKeep = 10 * time.Minute

// Keep returns how long r is kept where most restrictions are kept for usual.
func (r Restriction) Keep(usual time.Duration) time.Duration {
	if r.Kind == KindSecret {
		return min(usual, secretKeep)
	}
	return usual
}

// known says whether this release can apply r. One that cannot must not claim
// to know everything.
func (r Restriction) known() bool {
	switch r.Kind {
	case KindToken, KindGrant, KindFamily, KindSession, KindProject, KindSecret:
		return len(r.Key) == 16
	case KindSubject, KindClient, KindClientScope:
		return len(r.Key) > 0
	case KindMembership:
		_, ok := r.membership()
		return ok && len(r.Value) == 1
	case KindKey:
		return len(r.Key) == 4
	case KindRestore:
		return len(r.Key) == 0
	default:
		return false
	}
}

// membership takes the key of a membership apart. The workspace id may hold a
// zero byte of its own, so it is cut by length.
func (r Restriction) membership() (m member, ok bool) {
	sub := len(r.Key) - len(m.workspace) - 1
	if sub < 1 || bytes.IndexByte(r.Key, 0) != sub {
		return member{}, false
	}
	copy(m.workspace[:], r.Key[sub+1:])
	m.sub = string(r.Key[:sub])
	return m, true
}

// member is a subject in a workspace.
type member struct {
	sub       string
	workspace uuid.UUID
}
