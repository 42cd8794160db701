// Package familytest says what every store of refresh families must do.
package familytest

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

// Database is a store with the way in, which is part of redeeming a code.
type Database struct {
	*family.Store

	// Insert adds a family, and ends the oldest of its grant beyond limit.
	Insert func(ctx context.Context, f family.Family, limit int) ([]coherent.Restriction, error)
	// Age makes a family and its grant's notes older by d.
	Age func(ctx context.Context, f family.Family, d time.Duration) error
	// RotateAsBefore rotates a family as a binary of the release before does, which
	// knows nothing of windows.
	RotateAsBefore func(ctx context.Context, id uuid.UUID) error
	Log            coherent.Source
	Audit          eventtest.Audit
}

// RunStore checks a store. newDatabase returns an empty one, and cleans up with
// t.Cleanup.
func RunStore(t *testing.T, newDatabase func(t *testing.T) Database) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Database)
	}{
		{"a family is found as it was inserted", foundAsInserted},
		{"the instants come from the store's clock", instants},
		{"N144 a family is gone at its expiry, by the store's clock", expiry},
		{"N144 rotation extends no further than the absolute limit", absoluteLimit},
		{"N137 N138 what becomes of a token", outcomes},
		{"N137 a repetition does not extend the grace", graceIsNotExtended},
		{"N318 reuse and lost writes change nothing", reuseChangesNothing},
		{"N321 what becomes of a token under a window", windowOutcomes},
		{"N321 the window counts from the replacement", windowFromReplacement},
		{"N321 so many rotations within a window, and no more", rotationsWithinWindow},
		{"N321 a family that is used stays, with a window longer than its tokens live", usedStays},
		{"N321 what extends the token in use", extensions},
		{"N321 a repetition has the key of the token in use", keyWithinWindow},
		{"N321 what the release before rotates is understood", rotatedAsBefore},
		{"N321 64 presentations of all generations", concurrentGenerations},
		{"N321 64 presentations without room for a rotation", concurrentWithoutRoom},
		{"N321 reuse is noted and recorded", reuseIsNoted},
		{"N321 a repetition is recorded once an hour of each family", repetitionsAreRecorded},
		{"N321 64 repetitions leave one record of each family", concurrentRepetitions},
		{"the successor remembers the key of its making", keyOfSuccessor},
		{"N136 64 presentations of one token make one step", concurrentPresentations},
		{"a family that has ended is gone, and restricted", ended},
		{"N148 no presentation succeeds after the end", endAgainstPresentations},
		{"N145 the oldest family of a grant ends beyond the limit", oldestEnds},
		{"an expired family ends before a live one", expiredEndsFirst},
		{"N145 parallel insertions stay within the limit", parallelInsertions},
		{"sweeping takes what can be refreshed no more", sweep},
		{"N136 N138 one path, whatever is presented", model},
		{"every end leaves one record, and nothing else does", endsAreRecorded},
		{"N291 an end without its record does not happen", unrecordedDoesNotHappen},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newDatabase(t)) })
	}
}

var (
	always    = family.Policy{Rotation: family.Always, Grace: time.Hour}
	graceless = family.Policy{Rotation: family.Always}
	never     = family.Policy{Rotation: family.Never, Grace: time.Hour}
	windowed  = family.Policy{Rotation: family.Always, Window: time.Hour}
)

// newFamily is one that lives for long.
func newFamily() family.Family {
	return family.Family{
		ID: uuid.New(), GrantID: uuid.New(), ClientID: "c1", Sub: "u1", SubjectVersion: 3,
		Scope: oauth.Scope{"openid", "offline_access"}, Resource: []string{"https://api.example", `https://b.example/"{},`},
		Origin:   credential.Origin{ClientIdentity: [32]byte{1, 31: 2}, GrantVersion: 7, WorkspaceID: uuid.New()},
		AuthTime: time.Date(2030, 1, 2, 3, 4, 5, 6000, time.UTC), KeyID: math.MaxUint32,
		Lifetime: 30 * 24 * time.Hour, AbsoluteLifetime: 400 * 24 * time.Hour,
	}
}

// inserted is newFamily in the database.
func inserted(t *testing.T, db Database, change ...func(*family.Family)) family.Family {
	t.Helper()
	f := newFamily()
	for _, c := range change {
		c(&f)
	}
	if rs, err := db.Insert(t.Context(), f, 100); err != nil || len(rs) != 0 {
		t.Fatalf("Insert() = %v, %v", rs, err)
	}
	return f
}

// present presents a token of f, and returns the generation after.
func present(t *testing.T, db Database, f family.Family, generation int64, p family.Policy) (int64, family.Outcome) {
	t.Helper()
	after, outcome, err := db.Present(t.Context(), family.Presented{FamilyID: f.ID, Generation: generation}, p, 1)
	if err != nil {
		t.Fatalf("Present(%d): %v", generation, err)
	}
	return after.Generation, outcome
}

func find(t *testing.T, db Database, id uuid.UUID) family.Family {
	t.Helper()
	f, err := db.Find(t.Context(), id)
	if err != nil {
		t.Fatalf("Find(): %v", err)
	}
	return f
}

func isGone(t *testing.T, db Database, id uuid.UUID) {
	t.Helper()
	if _, err := db.Find(t.Context(), id); !errors.Is(err, family.ErrNotFound) {
		t.Errorf("Find() = %v, want ErrNotFound", err)
	}
	for _, p := range []family.Policy{always, never, windowed} {
		if _, outcome, err := db.Present(t.Context(), family.Presented{FamilyID: id}, p, 1); !errors.Is(err, family.ErrNotFound) {
			t.Errorf("Present() under %s = %d, %v, want ErrNotFound", p.Rotation, outcome, err)
		}
	}
}

func foundAsInserted(t *testing.T, db Database) {
	bare := func(f *family.Family) {
		f.Resource, f.Scope, f.KeyID, f.Origin = nil, oauth.Scope{"a"}, 1, credential.Origin{}
	}
	odd := func(f *family.Family) { f.ClientID, f.Sub = "C1", "ü\u202e' OR 1=1 --" }
	for _, want := range []family.Family{inserted(t, db), inserted(t, db, bare), inserted(t, db, odd)} {
		got := find(t, db, want.ID)
		want.ExpireTime = got.ExpireTime
		if want.Resource == nil {
			want.Resource = []string{}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Find() (-inserted +found):\n%s", diff)
		}
	}
	isGone(t, db, uuid.New())
}

func instants(t *testing.T, db Database) {
	before, err := coherenttest.Load(t.Context(), db.Log)
	if err != nil {
		t.Fatal(err)
	}
	f := find(t, db, inserted(t, db).ID)
	after, err := coherenttest.Load(t.Context(), db.Log)
	if err != nil {
		t.Fatal(err)
	}
	first, last := before.DatabaseTime.Add(f.Lifetime), after.DatabaseTime.Add(f.Lifetime+time.Millisecond)
	if f.ExpireTime.Before(first) || f.ExpireTime.After(last) {
		t.Errorf("ExpireTime = %v, want %v to %v", f.ExpireTime, first, last)
	}
}

func expiry(t *testing.T, db Database) {
	for name, change := range map[string]func(*family.Family){
		"idle":     func(f *family.Family) { f.Lifetime = 0 },
		"absolute": func(f *family.Family) { f.AbsoluteLifetime = 0 },
		"long ago": func(f *family.Family) { f.Lifetime = -time.Hour },
	} {
		t.Run(name, func(t *testing.T) { isGone(t, db, inserted(t, db, change).ID) })
	}
	inOneSecond := func(f *family.Family) { f.Lifetime = time.Second }
	f := inserted(t, db, inOneSecond)
	find(t, db, f.ID)
	for {
		if _, err := db.Find(t.Context(), f.ID); errors.Is(err, family.ErrNotFound) {
			break
		}
	}
	isGone(t, db, f.ID)
}

func absoluteLimit(t *testing.T, db Database) {
	f := inserted(t, db, func(f *family.Family) { f.Lifetime, f.AbsoluteLifetime = 2*time.Hour, time.Hour })
	first := find(t, db, f.ID).ExpireTime
	for g := range int64(3) {
		after, outcome, err := db.Present(t.Context(), family.Presented{FamilyID: f.ID, Generation: g}, always, 1)
		if err != nil || outcome != family.Rotated || !after.ExpireTime.Equal(first) {
			t.Errorf("generation %d: %v, %d, expires %v, want the absolute limit %v", g+1, err, outcome, after.ExpireTime, first)
		}
	}
	f = inserted(t, db)
	first = find(t, db, f.ID).ExpireTime
	for {
		if find(t, db, f.ID); present1(t, db, f, &first) {
			break
		}
	}
}

// present1 rotates f, and reports whether that made it expire later.
func present1(t *testing.T, db Database, f family.Family, first *time.Time) bool {
	t.Helper()
	now := find(t, db, f.ID)
	after, _, err := db.Present(t.Context(), family.Presented{FamilyID: f.ID, Generation: now.Generation}, always, 1)
	if err != nil {
		t.Fatal(err)
	}
	return after.ExpireTime.After(*first)
}

func outcomes(t *testing.T, db Database) {
	threshold := func(part float64) family.Policy {
		return family.Policy{Rotation: family.Threshold, Threshold: part, Grace: time.Hour}
	}
	type step struct {
		generation int64
		policy     family.Policy
		want       family.Outcome
		after      int64
	}
	for name, steps := range map[string][]step{
		"always rotates":                    {{0, always, family.Rotated, 1}, {1, always, family.Rotated, 2}},
		"never keeps":                       {{0, never, family.Kept, 0}, {0, never, family.Kept, 0}},
		"below the threshold keeps":         {{0, threshold(0.7), family.Kept, 0}, {0, threshold(0.7), family.Kept, 0}},
		"beyond the threshold rotates":      {{0, threshold(0), family.Rotated, 1}, {1, threshold(0.7), family.Kept, 1}},
		"a repetition within the grace":     {{0, always, family.Rotated, 1}, {0, always, family.Repeated, 1}, {0, always, family.Repeated, 1}},
		"the successor after a repetition":  {{0, always, family.Rotated, 1}, {0, always, family.Repeated, 1}, {1, always, family.Rotated, 2}},
		"a repetition without grace":        {{0, graceless, family.Rotated, 1}, {0, graceless, family.Reused, 1}},
		"after the successor was rotated":   {{0, always, family.Rotated, 1}, {1, always, family.Rotated, 2}, {0, always, family.Reused, 2}},
		"after the successor was kept":      {{0, always, family.Rotated, 1}, {1, never, family.Kept, 1}, {0, always, family.Reused, 1}},
		"the predecessor of a new rotation": {{0, always, family.Rotated, 1}, {1, always, family.Rotated, 2}, {1, always, family.Repeated, 2}},
		"N318 one newer than the family":    {{1, always, family.Ahead, 0}, {0, always, family.Rotated, 1}},
		"rotation stops for a new policy":   {{0, always, family.Rotated, 1}, {0, never, family.Repeated, 1}, {1, never, family.Kept, 1}, {0, never, family.Reused, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			f := inserted(t, db)
			for i, s := range steps {
				after, got := present(t, db, f, s.generation, s.policy)
				if got != s.want || after != s.after {
					t.Fatalf("step %d: Present(%d) = generation %d, %d, want %d, %d", i, s.generation, after, got, s.after, s.want)
				}
				if now := find(t, db, f.ID); now.Generation != s.after {
					t.Errorf("step %d: generation %d is stored, want %d", i, now.Generation, s.after)
				}
			}
		})
	}
}

func graceIsNotExtended(t *testing.T, db Database) {
	short := family.Policy{Rotation: family.Always, Grace: 300 * time.Millisecond}
	f := inserted(t, db)
	rotated, _, err := db.Present(t.Context(), family.Presented{FamilyID: f.ID}, short, 1)
	if err != nil {
		t.Fatal(err)
	}
	repetitions := 0
	for {
		after, outcome, err := db.Present(t.Context(), family.Presented{FamilyID: f.ID}, short, 2)
		if err != nil {
			t.Fatal(err)
		}
		if outcome == family.Reused {
			break
		}
		repetitions++
		if outcome != family.Repeated || !cmp.Equal(after, rotated) {
			t.Fatalf("repetition: %+v, %d, want %+v, %d", after, outcome, rotated, family.Repeated)
		}
	}
	if repetitions == 0 {
		t.Error("no repetition within the grace")
	}
}

func reuseChangesNothing(t *testing.T, db Database) {
	f := inserted(t, db)
	for g := range int64(3) {
		present(t, db, f, g, graceless)
	}
	before := find(t, db, f.ID)
	narrow := family.Policy{Rotation: family.Always, Window: time.Microsecond}
	for _, p := range []family.Policy{graceless, narrow} {
		for _, g := range []int64{-1, 0, 1, 2} {
			if _, outcome := present(t, db, f, g, p); outcome != family.Reused {
				t.Errorf("Present(%d) = %d, want Reused", g, outcome)
			}
		}
		for _, g := range []int64{4, math.MaxInt64} {
			if _, outcome := present(t, db, f, g, p); outcome != family.Ahead {
				t.Errorf("Present(%d) = %d, want Ahead", g, outcome)
			}
		}
	}
	if diff := cmp.Diff(before, find(t, db, f.ID)); diff != "" {
		t.Errorf("reuse changed the family:\n%s", diff)
	}
	storetest.CheckLog(t, db.Log)
}

func keyOfSuccessor(t *testing.T, db Database) {
	f := inserted(t, db, func(f *family.Family) { f.KeyID = 7 })
	for _, s := range []struct {
		generation int64
		policy     family.Policy
		key, want  uint32
	}{
		{0, never, 8, 7}, {0, always, 8, 8}, {0, always, 9, 8}, {1, never, 9, 8}, {1, always, math.MaxUint32, math.MaxUint32},
	} {
		after, _, err := db.Present(t.Context(), family.Presented{FamilyID: f.ID, Generation: s.generation}, s.policy, s.key)
		if err != nil || after.KeyID != s.want {
			t.Errorf("Present(%d) with key %d = key %d, %v, want key %d", s.generation, s.key, after.KeyID, err, s.want)
		}
	}
}

func concurrentPresentations(t *testing.T, db Database) {
	const callers = 64
	for _, p := range []family.Policy{always, graceless, never, windowed} {
		f := inserted(t, db)
		outcomes := make([]family.Outcome, callers)
		storetest.AtOnce(callers, func(i int) {
			after, outcome, err := db.Present(t.Context(), family.Presented{FamilyID: f.ID}, p, uint32(i+1)) //nolint:gosec // small
			if err != nil {
				t.Error(err)
			}
			if outcome == family.Repeated && after.Generation != 1 {
				t.Errorf("a repetition yields generation %d", after.Generation)
			}
			outcomes[i] = outcome
		})
		count := make(map[family.Outcome]int)
		for _, o := range outcomes {
			count[o]++
		}
		want := map[family.Outcome]int{family.Rotated: 1, family.Repeated: callers - 1}
		generation := int64(1)
		switch p {
		case graceless:
			want = map[family.Outcome]int{family.Rotated: 1, family.Reused: callers - 1}
		case never:
			want, generation = map[family.Outcome]int{family.Kept: callers}, 0
		}
		if diff := cmp.Diff(want, count); diff != "" || find(t, db, f.ID).Generation != generation {
			t.Errorf("%+v: outcomes (-want +got):\n%s", p, diff)
		}
	}
}
