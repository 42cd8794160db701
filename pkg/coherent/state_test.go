package coherent

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/chancery-auth/chancery/pkg/role"
)

var (
	ended = time.Unix(1000, 0)
	id    = uuid.UUID{7}
	other = uuid.UUID{8}
)

// answers is what a state says about one example of everything.
type answers struct {
	Token, Session, Secret, Key bool
	Grant, Family, Project      int64
	Subject, Client, Restore    int64
	Role0, Role5                role.Role
	Scopes0, Scopes5            string
}

func ask(s *State, key uuid.UUID, name string, keyID uint32) answers {
	scopes := func(after int64) (all string) {
		var found []string
		s.ClientScopes(name, after, func(scope string) { found = append(found, scope) })
		slices.Sort(found)
		for _, f := range found {
			all += f + ";"
		}
		return all
	}
	return answers{
		Token: s.TokenRevoked(key), Session: s.SessionEnded(key), Secret: s.SecretRevoked(key), Key: s.KeyRetired(keyID),
		Grant: s.GrantEpoch(key), Family: s.FamilyEpoch(key), Project: s.ProjectVersion(key),
		Subject: s.SubjectEpoch(name), Client: s.ClientEpoch(name), Restore: s.RestoreEpoch(),
		Role0: s.Role(name, key, role.Admin, 0), Role5: s.Role(name, key, role.Admin, 5),
		Scopes0: scopes(0), Scopes5: scopes(5),
	}
}

func TestEachRestrictionAnswersItsOwnQuestion(t *testing.T) {
	untouched := answers{Role0: role.Admin, Role5: role.Admin}
	for _, tt := range []struct {
		name string
		rs   []Restriction
		want func(a *answers)
	}{
		{"token", []Restriction{Token(id)}, func(a *answers) { a.Token = true }},
		{"session", []Restriction{Session(id)}, func(a *answers) { a.Session = true }},
		{"secret", []Restriction{Secret(id)}, func(a *answers) { a.Secret = true }},
		{"key", []Restriction{SealingKey(7)}, func(a *answers) { a.Key = true }},
		{"grant", []Restriction{Grant(id, 3)}, func(a *answers) { a.Grant = 3 }},
		{"family", []Restriction{Family(id, 3)}, func(a *answers) { a.Family = 3 }},
		{"project", []Restriction{Project(id, 3)}, func(a *answers) { a.Project = 3 }},
		{"subject", []Restriction{Subject("x", 3)}, func(a *answers) { a.Subject = 3 }},
		{"deleted client", []Restriction{Client("x", Deleted)}, func(a *answers) { a.Client = Deleted }},
		{"the greatest epoch counts", []Restriction{Grant(id, 3), Grant(id, 5), Grant(id, 4)}, func(a *answers) { a.Grant = 5 }},
		{"scope narrows older tokens", []Restriction{ClientScope("x", 5, "a")}, func(a *answers) { a.Scopes0 = "a;" }},
		{
			"every later scope counts",
			[]Restriction{ClientScope("x", 6, "a b"), ClientScope("x", 7, "b c")},
			func(a *answers) { a.Scopes0, a.Scopes5 = "a b;b c;", "a b;b c;" },
		},
		{"demotion caps older tokens", []Restriction{Membership("x", id, 5, role.Viewer)}, func(a *answers) { a.Role0 = role.Viewer }},
		{
			"demotion caps tokens sealed before it",
			[]Restriction{Membership("x", id, 6, role.Viewer)},
			func(a *answers) { a.Role0, a.Role5 = role.Viewer, role.Viewer },
		},
		{
			"the least role counts",
			[]Restriction{Membership("x", id, 6, role.None), Membership("x", id, 7, role.Member)},
			func(a *answers) { a.Role0, a.Role5 = role.None, role.None },
		},
		{"restore is for everyone", nil, func(*answers) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewState(0)
			if !s.Join(ended, tt.rs...) {
				t.Error("Join() = false")
			}
			want := untouched
			tt.want(&want)
			if got := ask(s, id, "x", 7); got != want {
				t.Errorf("answers %+v, want %+v", got, want)
			}
			if got := ask(s, other, "y", 8); got != untouched {
				t.Errorf("answers about others %+v, want %+v", got, untouched)
			}
		})
	}
}

func TestRestoreEpochOnlyGrows(t *testing.T) {
	s := NewState(0)
	s.Join(ended, Restore(3), Restore(2))
	if got := s.RestoreEpoch(); got != 3 {
		t.Errorf("RestoreEpoch() = %d, want 3", got)
	}
}

// A sub that ends like another, or a workspace whose id begins with a zero
// byte, must not be taken for another pair.
func TestMembershipKeyIsUnambiguous(t *testing.T) {
	zero := uuid.UUID{0, 0, 1}
	s := NewState(0)
	s.Join(ended, Membership("a", zero, 1, role.None))
	if got := s.Role("a", zero, role.Admin, 0); got != role.None {
		t.Errorf("Role() = %s, want none", got)
	}
	if s.Join(ended, Membership("a\x00b", zero, 1, role.None)) {
		t.Error("a sub with a zero byte is accepted")
	}
}

func TestMalformedRestrictionIsNotJoined(t *testing.T) {
	for name, r := range map[string]Restriction{
		"kind 0":             {Key: id[:]},
		"unknown kind":       {Kind: 13, Key: id[:]},
		"short id":           {Kind: KindToken, Key: id[:15]},
		"long id":            {Kind: KindGrant, Key: append(id[:], 0)},
		"no sub":             {Kind: KindSubject},
		"no client":          {Kind: KindClientScope},
		"no sub in member":   {Kind: KindMembership, Key: append([]byte{0}, id[:]...), Value: []byte{1}},
		"no role":            {Kind: KindMembership, Key: Membership("a", id, 1, role.None).Key},
		"short key id":       {Kind: KindKey, Key: []byte{1}},
		"restore with a key": {Kind: KindRestore, Key: []byte{1}},
	} {
		s := NewState(0)
		if s.Join(ended, r) {
			t.Errorf("%s: Join() = true", name)
		}
		if used := s.room.used.Load(); used != 0 {
			t.Errorf("%s: %d bytes in use", name, used)
		}
	}
}

func TestUnknownRoleIsNone(t *testing.T) {
	s := NewState(0)
	s.Join(ended, Membership("a", id, 1, role.Role(200)))
	if got := s.Role("a", id, role.Admin, 0); got != role.None {
		t.Errorf("Role() = %s, want none", got)
	}
}

func TestQuestionsAllocateNothing(t *testing.T) {
	s := NewState(0)
	s.Join(ended, Token(id), Grant(id, 1), Subject("subject", 1), ClientScope("client", 1, "a"),
		Membership("subject", id, 1, role.Viewer))
	yield := func(string) {}
	allocated := testing.AllocsPerRun(100, func() {
		s.TokenRevoked(id)
		s.SessionEnded(id)
		s.SecretRevoked(id)
		s.KeyRetired(1)
		s.GrantEpoch(id)
		s.FamilyEpoch(id)
		s.ProjectVersion(id)
		s.SubjectEpoch("subject")
		s.ClientEpoch("client")
		s.ClientScopes("client", 0, yield)
		s.Role("subject", id, role.Admin, 0)
		s.RestoreEpoch()
	})
	if allocated != 0 {
		t.Errorf("%v allocations, want 0", allocated)
	}
}

// Joining is commutative, associative and idempotent: any order, with any
// repetition, gives the same answers and takes the same room.
func TestJoinIsASemilattice(t *testing.T) {
	restriction := rapid.Custom(func(t *rapid.T) Restriction {
		version := rapid.Int64Range(1, 8).Draw(t, "version")
		return rapid.SampledFrom([]Restriction{
			Token(id), Session(id), Secret(id), SealingKey(7),
			Grant(id, version), Family(id, version), Project(id, version),
			Subject("x", version), Client("x", version), Restore(version),
			ClientScope("x", version, "a"), ClientScope("x", version, "b"),
			Membership("x", id, version, role.Viewer), Membership("x", id, version, role.None),
		}).Draw(t, "restriction")
	})
	rapid.Check(t, func(t *rapid.T) {
		rs := rapid.SliceOfN(restriction, 1, 20).Draw(t, "restrictions")
		again := append(rapid.Permutation(rs).Draw(t, "order"), rapid.SliceOf(rapid.SampledFrom(rs)).Draw(t, "repeats")...)
		a, b := NewState(0), NewState(0)
		a.Join(ended, rs...)
		b.Join(ended, again...)
		if x, y := ask(a, id, "x", 7), ask(b, id, "x", 7); x != y {
			t.Fatalf("answers differ by order:\n%+v\n%+v", x, y)
		}
		if x, y := a.room.used.Load(), b.room.used.Load(); x != y {
			t.Fatalf("room differs by order: %d, %d", x, y)
		}
	})
}

func TestRoomIsBounded(t *testing.T) {
	s := NewState(2 * price)
	if !s.Join(ended, Grant(uuid.UUID{1}, 1), Grant(uuid.UUID{2}, 1)) {
		t.Error("no room for two entries")
	}
	if s.Join(ended, Grant(uuid.UUID{3}, 1)) || s.GrantEpoch(uuid.UUID{3}) != 0 {
		t.Error("room for three entries")
	}
	if !s.Join(ended, Grant(uuid.UUID{1}, 9)) || s.GrantEpoch(uuid.UUID{1}) != 9 {
		t.Error("a known key needs no room")
	}
	s.expire(ended.Add(time.Microsecond))
	if !s.Join(ended, Grant(uuid.UUID{3}, 1)) {
		t.Error("no room after everything is over")
	}
}

// An entry lives as long as the longest of what was merged into it.
func TestEntryIsKeptForTheLongest(t *testing.T) {
	s := NewState(0)
	s.Join(ended.Add(time.Hour), Grant(id, 1))
	s.Join(ended, Grant(id, 2))
	s.expire(ended.Add(time.Hour))
	if got := s.GrantEpoch(id); got != 2 {
		t.Errorf("GrantEpoch() = %d, want 2", got)
	}
	s.expire(ended.Add(time.Hour + time.Microsecond))
	if got := s.GrantEpoch(id); got != 0 {
		t.Errorf("GrantEpoch() = %d, want 0", got)
	}
}
