package coherent

import (
	"encoding/binary"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/role"
)

// DefaultMemory is what a [State] holds at most unless told otherwise.
const DefaultMemory = 256 << 20

// State is every restriction that a replica knows. It only grows, until the
// database's clock says that no living token can be concerned any more. It is
// safe for concurrent use, and its questions allocate nothing.
//
// It has a fixed room. Tokens, families and grants are charged to the client that
// they belong to, which may fill an eighth of it; beyond that nobody can say what is
// left of the tokens of that client (see [State.Unknown]), and of no other. Another
// eighth is kept for what belongs to no client.
type State struct {
	room     room
	tokens   *compact
	sessions *compact
	secrets  *compact
	keys     *compact
	grants   *compact
	families *compact
	projects *compact
	subjects *table[string, none]
	clients  *table[string, none]
	scopes   *table[string, string]
	members  *table[member, role.Role]
	shelves  []shelf // all of them

	restore      atomic.Int64
	databaseTime atomic.Int64 // of the last poll, in microseconds
}

// none is the value of what has a version alone.
type none = struct{}

// NewState returns a state without restrictions that holds at most memory
// bytes; zero means [DefaultMemory].
func NewState(memory int64) *State {
	if memory == 0 {
		memory = DefaultMemory
	}
	s := &State{room: room{limit: memory}}
	r := &s.room
	s.tokens = newCompact(r, KindToken, 16)
	s.sessions = newCompact(r, KindSession, 16)
	s.secrets = newCompact(r, KindSecret, 16)
	s.keys = newCompact(r, KindKey, 4)
	s.grants = newCompact(r, KindGrant, 16)
	s.families = newCompact(r, KindFamily, 16)
	s.projects = newCompact(r, KindProject, 16)
	s.subjects = newTable(r, textOf[none], either, func(sub string, v versioned[none]) Restriction { return Subject(sub, v.version) })
	s.clients = newTable(r, textOf[none], either, func(id string, v versioned[none]) Restriction { return Client(id, v.version) })
	s.scopes = newTable(r, textsOf, scopeOfBoth, func(id string, v versioned[string]) Restriction { return ClientScope(id, v.version, v.value) })
	s.members = newTable(r, textOfMember, role.Min, func(m member, v versioned[role.Role]) Restriction {
		return Membership(m.sub, m.workspace, v.version, v.value)
	})
	s.shelves = []shelf{
		s.tokens, s.sessions, s.secrets, s.keys, s.grants, s.families, s.projects, s.subjects, s.clients, s.scopes, s.members,
	}
	return s
}

func textOf[V any](key string, _ V) int64 { return int64(len(key)) }

func textsOf(key, value string) int64 { return int64(len(key) + len(value)) }

func textOfMember(m member, _ role.Role) int64 { return int64(len(m.sub)) }

func either(none, none) none { return none{} }

// scopeOfBoth returns those scopes of a that b has too, in the order of a.
func scopeOfBoth(a, b string) string {
	theirs := strings.Fields(b)
	both := strings.Fields(a)
	both = slices.DeleteFunc(both, func(scope string) bool { return !slices.Contains(theirs, scope) })
	return strings.Join(both, " ")
}

// Join adds restrictions, to be kept until an instant of the database's clock.
// It reports false when one of them could not be added, because its kind is
// unknown or because there is no room; the others are added all the same. What finds
// no room and belongs to a client makes the tokens of that client unknown instead.
func (s *State) Join(keepUntil time.Time, rs ...Restriction) (whole bool) {
	whole = true
	for _, r := range rs {
		e := Entry{r, keepUntil}
		whole = e.known() && (s.place(e, false) || s.lose(e)) && whole
	}
	return whole
}

// joinHint adds what a hint says, to be kept as its row is (see
// [Restriction.Keep]). Until the first poll has told the database's clock, it is
// dropped by the next one, which brings the row itself; a wrong estimate costs the
// head start and nothing else. It reports what [State.Join] does.
func (s *State) joinHint(keep time.Duration, rs []Restriction) (whole bool) {
	now := time.UnixMicro(s.databaseTime.Load())
	whole = true
	for _, r := range rs {
		whole = s.Join(now.Add(r.Keep(keep)), r) && whole
	}
	return whole
}

// joinRow adds a row of the log. It reports what [State.Join] does.
func (s *State) joinRow(e Entry) (whole bool) { return e.known() && (s.place(e, true) || s.lose(e)) }

// lose notes what found no room. It reports false where it belongs to no client.
func (s *State) lose(e Entry) bool {
	client := e.client()
	return client != "" && s.room.lose(client, e.KeepUntil.UnixMicro())
}

// place puts what is known on its shelf; logged says that it is from the log.
func (s *State) place(r Entry, logged bool) (fits bool) {
	until := r.KeepUntil.UnixMicro()
	v := versioned[none]{version: r.Version, until: until, marked: logged}
	switch r.Kind {
	case KindToken:
		return s.tokens.join(fixed(r.Key), r.client(), v)
	case KindSession:
		return s.sessions.join(fixed(r.Key), "", v)
	case KindSecret:
		return s.secrets.join(fixed(r.Key), "", v)
	case KindKey:
		return s.keys.join(fixed(r.Key), "", v)
	case KindGrant:
		return s.grants.join(fixed(r.Key), r.client(), v)
	case KindFamily:
		if v.version == FamilyEnded {
			v.version = Deleted // which no later epoch takes back
		}
		return s.families.join(fixed(r.Key), r.client(), v)
	case KindProject:
		return s.projects.join(fixed(r.Key), "", v)
	case KindSubject:
		return s.subjects.join(string(r.Key), v)
	case KindClient:
		return s.clients.join(string(r.Key), v)
	case KindClientScope:
		scope := scopeOfBoth(string(r.Value), string(r.Value)) // without spaces that mean nothing
		return s.scopes.join(string(r.Key), versioned[string]{r.Version, scope, until, logged})
	case KindMembership:
		m, _ := r.membership()
		left := role.Min(role.Role(r.Value[0]), role.Admin) // none, of a role that is not known
		return s.members.join(m, versioned[role.Role]{r.Version, left, until, logged})
	case KindRestore:
		s.joinRestore(r.Version)
		return true
	default:
		return false
	}
}

// fixed is a key of a [compact], filled up with zeros.
func fixed(key []byte) (k [16]byte) {
	copy(k[:], key)
	return k
}

func (s *State) joinRestore(epoch int64) {
	for old := s.restore.Load(); old < epoch; old = s.restore.Load() {
		if s.restore.CompareAndSwap(old, epoch) {
			return
		}
	}
}

// expire drops what the database's clock has passed.
func (s *State) expire(databaseTime time.Time) {
	now := databaseTime.UnixMicro()
	for _, each := range s.shelves {
		each.expire(now)
	}
	s.room.expire(now)
}

// unmark forgets what the log was seen to have.
func (s *State) unmark() {
	for _, each := range s.shelves {
		each.unmark()
	}
}

// missing returns the entries that the log was not seen to have, of one shard of
// every shelf; the restore epoch is no row of the log. It is no snapshot: what is
// joined meanwhile may be missing.
func (s *State) missing(shard int) (list []Entry) {
	for _, each := range s.shelves {
		each.each(shard, func(e Entry, marked bool) {
			if !marked {
				list = append(list, e)
			}
		})
	}
	return list
}

// Unknown says that restrictions of the client found no room, so that none of its
// tokens may be called active.
func (s *State) Unknown(clientID string) bool { return s.room.hasLost(clientID) }

// TokenRevoked says whether the access token of that id was revoked.
func (s *State) TokenRevoked(id [16]byte) bool { return s.tokens.has(id) }

// SessionEnded says whether the sign-in session ended.
func (s *State) SessionEnded(id uuid.UUID) bool { return s.sessions.has(id) }

// SecretRevoked says whether the client secret was revoked.
func (s *State) SecretRevoked(id uuid.UUID) bool { return s.secrets.has(id) }

// KeyRetired says whether nothing under the key is valid any more.
func (s *State) KeyRetired(id uint32) bool {
	var key [16]byte
	binary.BigEndian.PutUint32(key[:], id)
	return s.keys.has(key)
}

// GrantEpoch is the least version of the grant that is still valid; 0 is none.
func (s *State) GrantEpoch(id uuid.UUID) int64 { return s.grants.epoch(id) }

// FamilyEpoch is the Unix time in seconds before which the tokens of a family that
// have ended were issued; [Deleted] if it has ended for good, 0 if nothing has.
func (s *State) FamilyEpoch(id uuid.UUID) int64 { return s.families.epoch(id) }

// ProjectVersion is [State.GrantEpoch] for a project.
func (s *State) ProjectVersion(id uuid.UUID) int64 { return s.projects.epoch(id) }

// SubjectEpoch is [State.GrantEpoch] for a subject.
func (s *State) SubjectEpoch(sub string) int64 { return s.subjects.latest(sub) }

// ClientEpoch is [State.GrantEpoch] for a client.
func (s *State) ClientEpoch(clientID string) int64 { return s.clients.latest(clientID) }

// RestoreEpoch is the least epoch of the installation that is still valid. It
// is also what a new token seals: one that is behind is dead on arrival.
func (s *State) RestoreEpoch() int64 { return s.restore.Load() }

// ClientScopes yields each scope that the client was narrowed to after the
// version a token was sealed with. What the token allows is the intersection of
// its own scope and all of them.
func (s *State) ClientScopes(clientID string, after int64, yield func(scope string)) {
	for _, v := range s.scopes.find(clientID) {
		if v.version > after {
			yield(v.value)
		}
	}
}

// Role is the role in a workspace that is left of the one sealed in a token
// with version; [role.None] when the subject is no longer a member.
func (s *State) Role(sub string, workspace uuid.UUID, sealed role.Role, version int64) role.Role {
	for _, v := range s.members.find(member{sub, workspace}) {
		if v.version > version {
			sealed = role.Min(sealed, v.value)
		}
	}
	return sealed
}
