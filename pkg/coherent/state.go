package coherent

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/role"
)

// DefaultMemory is what a [State] holds at most unless told otherwise.
const DefaultMemory = 256 << 20

// entryOverhead is what an entry needs beside its variable part: key, value,
// instant, and the free slots of the map.
const entryOverhead = 64

// State is every restriction that a replica knows. It only grows, until the
// database's clock says that no living token can be concerned any more. It is
// safe for concurrent use, and its questions allocate nothing.
type State struct {
	room     room
	tokens   *table[uuid.UUID, struct{}]
	sessions *table[uuid.UUID, struct{}]
	secrets  *table[uuid.UUID, struct{}]
	keys     *table[uint32, struct{}]
	grants   *table[uuid.UUID, int64]
	families *table[uuid.UUID, int64]
	projects *table[uuid.UUID, int64]
	subjects *table[string, int64]
	clients  *table[string, int64]
	scopes   *table[string, []versioned[string]]
	members  *table[member, []versioned[role.Role]]

	restore      atomic.Int64
	databaseTime atomic.Int64 // of the last poll, in microseconds
}

// NewState returns a state without restrictions that holds at most memory
// bytes; zero means [DefaultMemory].
func NewState(memory int64) *State {
	if memory == 0 {
		memory = DefaultMemory
	}
	s := &State{room: room{limit: memory}}
	r := &s.room
	s.tokens = newTable(r, fixed[uuid.UUID, struct{}])
	s.sessions = newTable(r, fixed[uuid.UUID, struct{}])
	s.secrets = newTable(r, fixed[uuid.UUID, struct{}])
	s.keys = newTable(r, fixed[uint32, struct{}])
	s.grants = newTable(r, fixed[uuid.UUID, int64])
	s.families = newTable(r, fixed[uuid.UUID, int64])
	s.projects = newTable(r, fixed[uuid.UUID, int64])
	s.subjects = newTable(r, named)
	s.clients = newTable(r, named)
	s.scopes = newTable(r, sizeOfScopes)
	s.members = newTable(r, sizeOfRoles)
	return s
}

func fixed[K comparable, V any](K, V) int64 { return entryOverhead }

func named(key string, _ int64) int64 { return entryOverhead + int64(len(key)) }

func sizeOfScopes(key string, list []versioned[string]) int64 {
	size := named(key, 0)
	for _, v := range list {
		size += 24 + int64(len(v.value))
	}
	return size
}

func sizeOfRoles(key member, list []versioned[role.Role]) int64 {
	return named(key.sub, 0) + int64(len(list))*16
}

// Join adds restrictions, to be kept until an instant of the database's clock.
// It reports false when one of them could not be added, because its kind is
// unknown or because there is no room; the others are added all the same.
func (s *State) Join(keepUntil time.Time, rs ...Restriction) (whole bool) {
	whole = true
	for _, r := range rs {
		if !r.known() || !s.join(keepUntil.UnixMicro(), r) {
			whole = false
		}
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

// join adds a restriction that is known.
func (s *State) join(until int64, r Restriction) bool {
	switch r.Kind {
	case KindToken:
		return joinPresence(s.tokens, uuid.UUID(r.Key), until)
	case KindSession:
		return joinPresence(s.sessions, uuid.UUID(r.Key), until)
	case KindSecret:
		return joinPresence(s.secrets, uuid.UUID(r.Key), until)
	case KindKey:
		return joinPresence(s.keys, binary.BigEndian.Uint32(r.Key), until)
	case KindGrant:
		return joinEpoch(s.grants, uuid.UUID(r.Key), until, r.Version)
	case KindFamily:
		return joinEpoch(s.families, uuid.UUID(r.Key), until, r.Version)
	case KindProject:
		return joinEpoch(s.projects, uuid.UUID(r.Key), until, r.Version)
	case KindSubject:
		return joinEpoch(s.subjects, string(r.Key), until, r.Version)
	case KindClient:
		return joinEpoch(s.clients, string(r.Key), until, r.Version)
	case KindClientScope:
		return joinList(s.scopes, string(r.Key), until, versioned[string]{r.Version, string(r.Value)})
	case KindMembership:
		m, _ := r.membership()
		return joinList(s.members, m, until, versioned[role.Role]{r.Version, role.Role(r.Value[0])})
	case KindRestore:
		s.joinRestore(r.Version)
		return true
	default:
		return false
	}
}

func joinPresence[K comparable](t *table[K, struct{}], key K, until int64) bool {
	return t.join(key, until, func(struct{}) struct{} { return struct{}{} })
}

func joinEpoch[K comparable](t *table[K, int64], key K, until, epoch int64) bool {
	return t.join(key, until, func(old int64) int64 { return max(old, epoch) })
}

func joinList[K, T comparable](t *table[K, []versioned[T]], key K, until int64, v versioned[T]) bool {
	return t.join(key, until, func(old []versioned[T]) []versioned[T] { return with(old, v) })
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
	s.tokens.expire(now)
	s.sessions.expire(now)
	s.secrets.expire(now)
	s.keys.expire(now)
	s.grants.expire(now)
	s.families.expire(now)
	s.projects.expire(now)
	s.subjects.expire(now)
	s.clients.expire(now)
	s.scopes.expire(now)
	s.members.expire(now)
}

// TokenRevoked says whether the access token of that id was revoked.
func (s *State) TokenRevoked(id [16]byte) bool { return present(s.tokens, uuid.UUID(id)) }

// SessionEnded says whether the sign-in session ended.
func (s *State) SessionEnded(id uuid.UUID) bool { return present(s.sessions, id) }

// SecretRevoked says whether the client secret was revoked.
func (s *State) SecretRevoked(id uuid.UUID) bool { return present(s.secrets, id) }

// KeyRetired says whether nothing under the key is valid any more.
func (s *State) KeyRetired(id uint32) bool { return present(s.keys, id) }

// GrantEpoch is the least version of the grant that is still valid; 0 is none.
func (s *State) GrantEpoch(id uuid.UUID) int64 { return epoch(s.grants, id) }

// FamilyEpoch is [State.GrantEpoch] for a refresh family.
func (s *State) FamilyEpoch(id uuid.UUID) int64 { return epoch(s.families, id) }

// ProjectVersion is [State.GrantEpoch] for a project.
func (s *State) ProjectVersion(id uuid.UUID) int64 { return epoch(s.projects, id) }

// SubjectEpoch is [State.GrantEpoch] for a subject.
func (s *State) SubjectEpoch(sub string) int64 { return epoch(s.subjects, sub) }

// ClientEpoch is [State.GrantEpoch] for a client.
func (s *State) ClientEpoch(clientID string) int64 { return epoch(s.clients, clientID) }

// RestoreEpoch is the least epoch of the installation that is still valid. It
// is also what a new token seals: one that is behind is dead on arrival.
func (s *State) RestoreEpoch() int64 { return s.restore.Load() }

// ClientScopes yields each scope that the client was narrowed to after the
// version a token was sealed with. What the token allows is the intersection of
// its own scope and all of them.
func (s *State) ClientScopes(clientID string, after int64, yield func(scope string)) {
	list, _ := s.scopes.find(clientID)
	for _, v := range list {
		if v.version > after {
			yield(v.value)
		}
	}
}

// Role is the role in a workspace that is left of the one sealed in a token
// with version; [role.None] when the subject is no longer a member.
func (s *State) Role(sub string, workspace uuid.UUID, sealed role.Role, version int64) role.Role {
	list, _ := s.members.find(member{sub, workspace})
	for _, v := range list {
		if v.version > version {
			sealed = role.Min(sealed, v.value)
		}
	}
	return sealed
}

func present[K comparable](t *table[K, struct{}], key K) bool {
	_, ok := t.find(key)
	return ok
}

func epoch[K comparable](t *table[K, int64], key K) int64 {
	e, _ := t.find(key)
	return e
}
