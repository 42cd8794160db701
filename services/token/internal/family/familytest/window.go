package familytest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func age(t *testing.T, db Database, f family.Family, d time.Duration) {
	t.Helper()
	if err := db.Age(t.Context(), f, d); err != nil {
		t.Fatal(err)
	}
}

// yields checks what presenting a generation leads to.
func yields(t *testing.T, db Database, f family.Family, generation int64, p family.Policy, want family.Outcome, after int64) { //nolint:revive // argument-limit: one step of a table
	t.Helper()
	if got, outcome := present(t, db, f, generation, p); outcome != want || got != after {
		t.Fatalf("Present(%d) = generation %d, %d, want %d, %d", generation, got, outcome, after, want)
	}
	if now := find(t, db, f.ID); now.Generation != after {
		t.Fatalf("generation %d is stored, want %d", now.Generation, after)
	}
}

func windowOutcomes(t *testing.T, db Database) {
	keeps := family.Policy{Rotation: family.Never, Window: time.Hour}
	below := family.Policy{Rotation: family.Threshold, Threshold: 0.7, Window: time.Hour}
	beyond := family.Policy{Rotation: family.Threshold, Window: time.Hour}
	type step struct {
		generation int64
		policy     family.Policy
		want       family.Outcome
		after      int64
	}
	for name, steps := range map[string][]step{
		"the one in use rotates":                     {{0, windowed, family.Rotated, 1}, {1, windowed, family.Rotated, 2}},
		"a replaced one yields the one in use":       {{0, windowed, family.Rotated, 1}, {0, windowed, family.Repeated, 1}, {0, windowed, family.Repeated, 1}},
		"and after that was used":                    {{0, windowed, family.Rotated, 1}, {1, keeps, family.Kept, 1}, {0, windowed, family.Repeated, 1}},
		"stale ones, the newer first":                {{0, windowed, family.Rotated, 1}, {1, windowed, family.Rotated, 2}, {2, windowed, family.Rotated, 3}, {1, windowed, family.Repeated, 3}, {0, windowed, family.Repeated, 3}},
		"stale ones, the older first":                {{0, windowed, family.Rotated, 1}, {1, windowed, family.Rotated, 2}, {2, windowed, family.Rotated, 3}, {0, windowed, family.Repeated, 3}, {1, windowed, family.Repeated, 3}},
		"a repetition rotates nothing":               {{0, windowed, family.Rotated, 1}, {0, windowed, family.Repeated, 1}, {1, windowed, family.Rotated, 2}},
		"beyond the threshold":                       {{0, beyond, family.Rotated, 1}, {0, below, family.Repeated, 1}, {1, below, family.Kept, 1}, {0, below, family.Repeated, 1}},
		"N318 one newer than the family":             {{1, windowed, family.Ahead, 0}, {0, windowed, family.Rotated, 1}, {2, windowed, family.Ahead, 1}},
		"from strict to a window":                    {{0, graceless, family.Rotated, 1}, {0, windowed, family.Repeated, 1}},
		"from strict to a window, two ago":           {{0, graceless, family.Rotated, 1}, {1, graceless, family.Rotated, 2}, {0, windowed, family.Reused, 2}},
		"from a window to strict":                    {{0, windowed, family.Rotated, 1}, {0, graceless, family.Reused, 1}},
		"from a window to strict with grace":         {{0, windowed, family.Rotated, 1}, {0, always, family.Repeated, 1}, {1, never, family.Kept, 1}, {0, always, family.Reused, 1}},
		"from a window to strict, and back":          {{0, windowed, family.Rotated, 1}, {1, never, family.Kept, 1}, {0, windowed, family.Repeated, 1}},
		"a strict rotation forgets what was earlier": {{0, windowed, family.Rotated, 1}, {1, graceless, family.Rotated, 2}, {0, windowed, family.Reused, 2}, {1, windowed, family.Repeated, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			f := inserted(t, db)
			for _, s := range steps {
				yields(t, db, f, s.generation, s.policy, s.want, s.after)
			}
		})
	}
}

func windowFromReplacement(t *testing.T, db Database) {
	f := inserted(t, db)
	age(t, db, f, 59*time.Minute)
	yields(t, db, f, 0, windowed, family.Rotated, 1)
	age(t, db, f, 40*time.Minute)
	yields(t, db, f, 1, windowed, family.Rotated, 2)
	age(t, db, f, 19*time.Minute)
	yields(t, db, f, 0, windowed, family.Repeated, 2)
	yields(t, db, f, 1, windowed, family.Repeated, 2)
	// A repetition extends nothing.
	age(t, db, f, 2*time.Minute)
	yields(t, db, f, 0, windowed, family.Reused, 2)
	yields(t, db, f, 1, windowed, family.Repeated, 2)
	age(t, db, f, 40*time.Minute)
	yields(t, db, f, 1, windowed, family.Reused, 2)
	yields(t, db, f, 2, windowed, family.Rotated, 3)
	yields(t, db, f, 2, windowed, family.Repeated, 3)
}

func rotationsWithinWindow(t *testing.T, db Database) {
	f := inserted(t, db)
	for g := range int64(family.MostReplaced) {
		yields(t, db, f, g, windowed, family.Rotated, g+1)
		if g == 0 {
			age(t, db, f, 10*time.Minute)
		}
	}
	yields(t, db, f, family.MostReplaced, windowed, family.Extended, family.MostReplaced)
	for g := range int64(family.MostReplaced) {
		yields(t, db, f, g, windowed, family.Repeated, family.MostReplaced)
	}
	// One of them leaves the window, and makes room for one.
	age(t, db, f, 51*time.Minute)
	yields(t, db, f, family.MostReplaced, windowed, family.Rotated, family.MostReplaced+1)
	yields(t, db, f, family.MostReplaced+1, windowed, family.Extended, family.MostReplaced+1)
	yields(t, db, f, 0, windowed, family.Reused, family.MostReplaced+1)
	yields(t, db, f, 1, windowed, family.Repeated, family.MostReplaced+1)
	// Strictly nothing is remembered, and there is no such limit.
	yields(t, db, f, family.MostReplaced+1, graceless, family.Rotated, family.MostReplaced+2)
}

// usedStays is a client that refreshes every 15 minutes, with a window three times
// as long as its tokens live.
func usedStays(t *testing.T, db Database) {
	const lifetime, absolute, pause = 8 * time.Hour, 4 * 24 * time.Hour, 15 * time.Minute
	day := family.Policy{Rotation: family.Always, Window: 24 * time.Hour}
	f := inserted(t, db, func(f *family.Family) { f.Lifetime, f.AbsoluteLifetime = lifetime, absolute })
	count := make(map[family.Outcome]int)
	var held int64
	for used := pause; used < absolute; used += pause {
		age(t, db, f, pause)
		after, outcome := present(t, db, f, held, day)
		held = after
		count[outcome]++
	}
	if count[family.Rotated] < 4*family.MostReplaced || count[family.Extended] == 0 || len(count) != 2 {
		t.Errorf("outcomes %v, want rotations whenever there is room, and extensions", count)
	}
	// Nothing extends the family.
	age(t, db, f, pause)
	isGone(t, db, f.ID)
}

// withoutRoom is a family that remembers as many replaced tokens as it can, the
// last of them for a while.
func withoutRoom(t *testing.T, db Database, change ...func(*family.Family)) family.Family {
	t.Helper()
	f := inserted(t, db, change...)
	for g := range int64(family.MostReplaced) {
		yields(t, db, f, g, windowed, family.Rotated, g+1)
	}
	age(t, db, f, 30*time.Minute)
	return f
}

func extensions(t *testing.T, db Database) {
	const inUse = family.MostReplaced
	threshold := func(part float64) family.Policy {
		return family.Policy{Rotation: family.Threshold, Threshold: part, Window: time.Hour}
	}
	short := family.Policy{Rotation: family.Never, Window: time.Hour}
	absolute := func(f *family.Family) { f.Lifetime, f.AbsoluteLifetime = 2*time.Hour, 2*time.Hour }
	for name, tt := range map[string]struct {
		change     []func(*family.Family)
		generation int64
		policy     family.Policy
		want       family.Outcome
		extends    bool
	}{
		"the one in use":           {nil, inUse, windowed, family.Extended, true},
		"once the threshold is":    {nil, inUse, threshold(0), family.Extended, true},
		"not before the threshold": {nil, inUse, threshold(0.5), family.Kept, false},
		"not without rotation":     {nil, inUse, short, family.Kept, false},
		"not a replaced one":       {nil, inUse - 1, windowed, family.Repeated, false},
		"not one that was lost":    {nil, inUse + 1, windowed, family.Ahead, false},
		"not beyond the end":       {[]func(*family.Family){absolute}, inUse, windowed, family.Extended, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := withoutRoom(t, db, tt.change...)
			before := find(t, db, f.ID).ExpireTime
			yields(t, db, f, tt.generation, tt.policy, tt.want, inUse)
			longer := find(t, db, f.ID).ExpireTime.Sub(before)
			if tt.extends && longer < 30*time.Minute || !tt.extends && longer != 0 {
				t.Errorf("expires %v later, want it later: %v", longer, tt.extends)
			}
		})
	}
}

func concurrentWithoutRoom(t *testing.T, db Database) {
	const inUse = family.MostReplaced
	f := withoutRoom(t, db)
	before := find(t, db, f.ID).ExpireTime
	storetest.AtOnce(64, func(i int) {
		want := family.Extended
		generation := inUse - int64(i%4)
		if generation < inUse {
			want = family.Repeated
		}
		after, outcome, err := db.Present(t.Context(), family.Presented{FamilyID: f.ID, Generation: generation}, windowed, 1)
		if err != nil || outcome != want || after.Generation != inUse {
			t.Errorf("Present(%d) = generation %d, %d, %v, want %d, %d", generation, after.Generation, outcome, err, inUse, want)
		}
	})
	if now := find(t, db, f.ID); now.Generation != inUse || now.ExpireTime.Sub(before) < 30*time.Minute {
		t.Errorf("generation %d after all, expires %v later, want %d, 30 min or more", now.Generation, now.ExpireTime.Sub(before), inUse)
	}
}

func keyWithinWindow(t *testing.T, db Database) {
	f := inserted(t, db, func(f *family.Family) { f.KeyID = 7 })
	for _, s := range []struct {
		generation int64
		key, want  uint32
	}{{0, 8, 8}, {0, 9, 8}, {1, 9, 9}, {0, 10, 9}, {1, 10, 9}} {
		after, _, err := db.Present(t.Context(), family.Presented{FamilyID: f.ID, Generation: s.generation}, windowed, s.key)
		if err != nil || after.KeyID != s.want {
			t.Errorf("Present(%d) with key %d = key %d, %v, want key %d", s.generation, s.key, after.KeyID, err, s.want)
		}
	}
}

func rotatedAsBefore(t *testing.T, db Database) {
	rotate := func(f family.Family) {
		if err := db.RotateAsBefore(t.Context(), f.ID); err != nil {
			t.Fatal(err)
		}
	}
	f := inserted(t, db)
	yields(t, db, f, 0, windowed, family.Rotated, 1)
	yields(t, db, f, 1, windowed, family.Rotated, 2)
	rotate(f)
	for g := range int64(3) {
		yields(t, db, f, g, windowed, family.Repeated, 3)
	}
	yields(t, db, f, 3, windowed, family.Rotated, 4)
	age(t, db, f, 61*time.Minute)
	for g := range int64(4) {
		yields(t, db, f, g, windowed, family.Reused, 4)
	}

	// Of what nobody noted but the last is known.
	f = inserted(t, db)
	rotate(f)
	rotate(f)
	yields(t, db, f, 0, windowed, family.Reused, 2)
	yields(t, db, f, 1, windowed, family.Repeated, 2)
}

func concurrentGenerations(t *testing.T, db Database) {
	const callers, generations = 64, 4
	f := inserted(t, db)
	for g := range int64(generations - 1) {
		present(t, db, f, g, windowed)
	}
	storetest.AtOnce(callers, func(i int) {
		generation := int64(i % generations)
		after, outcome, err := db.Present(t.Context(), family.Presented{FamilyID: f.ID, Generation: generation}, windowed, 1)
		switch {
		case err != nil:
			t.Error(err)
		case outcome == family.Repeated && (after.Generation == generations-1 || after.Generation == generations) && after.Generation > generation:
		case outcome == family.Rotated && generation == generations-1 && after.Generation == generations:
		default:
			t.Errorf("Present(%d) = generation %d, %d", generation, after.Generation, outcome)
		}
	})
	if now := find(t, db, f.ID); now.Generation != generations {
		t.Errorf("generation %d after all, want one step to %d", now.Generation, generations)
	}
}

func reuseIsNoted(t *testing.T, db Database) {
	trail := db.Audit.Follow(t)
	f := inserted(t, db)
	sibling := inserted(t, db, func(s *family.Family) { s.GrantID = f.GrantID })
	quiet := inserted(t, db)
	check := func(when string, repeated, late bool) {
		t.Helper()
		reuses, err := db.Reuses(t.Context(), []uuid.UUID{f.GrantID, quiet.GrantID, uuid.New()})
		if err != nil {
			t.Fatal(err)
		}
		var got [][2]bool
		for _, u := range reuses {
			got = append(got, [2]bool{!u.Repeated.IsZero(), !u.Late.IsZero()})
		}
		var want [][2]bool
		if repeated || late {
			want = [][2]bool{{repeated, late}}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: repeated, late (-want +got):\n%s", when, diff)
		}
	}
	for _, each := range []family.Family{f, sibling, quiet} {
		present(t, db, each, 0, windowed)
	}
	present(t, db, quiet, 0, always) // a repetition within the grace
	present(t, db, f, 5, windowed)   // a lost write
	check("before any reuse", false, false)
	trail.Check(t)

	for range 3 {
		present(t, db, f, 0, windowed)
		present(t, db, sibling, 0, windowed)
	}
	check("repeated", true, false)
	trail.Check(t, of(f, event.FamilyRepeated, ""), of(sibling, event.FamilyRepeated, ""))

	end(t, db, sibling.ID, family.Revoked)
	check("after a revocation", true, false)
	end(t, db, f.ID, family.Replayed)
	check("late", true, true)
	trail.Check(t, of(sibling, event.FamilyEnded, "revoked"), of(f, event.FamilyReused, ""))
	sweepsNotes(t, db, f, check)
}

func repetitionsAreRecorded(t *testing.T, db Database) {
	trail := db.Audit.Follow(t)
	f := inserted(t, db)
	sibling := inserted(t, db, func(s *family.Family) { s.GrantID = f.GrantID })
	for _, each := range []family.Family{f, sibling} {
		present(t, db, each, 0, windowed)
		yields(t, db, each, 0, windowed, family.Repeated, 1)
		trail.Check(t, of(each, event.FamilyRepeated, ""))
		present(t, db, each, 1, windowed)
		age(t, db, each, 59*time.Minute)
		yields(t, db, each, 1, windowed, family.Repeated, 2)
		trail.Check(t)
	}
	age(t, db, f, 2*time.Minute)
	present(t, db, f, 2, windowed)
	yields(t, db, f, 2, windowed, family.Repeated, 3)
	yields(t, db, f, 2, windowed, family.Repeated, 3)
	yields(t, db, sibling, 1, windowed, family.Repeated, 2)
	trail.Check(t, of(f, event.FamilyRepeated, ""))
}

func concurrentRepetitions(t *testing.T, db Database) {
	trail := db.Audit.Follow(t)
	f := inserted(t, db)
	sibling := inserted(t, db, func(s *family.Family) { s.GrantID = f.GrantID })
	families := []family.Family{f, sibling}
	for _, each := range families {
		present(t, db, each, 0, windowed)
	}
	storetest.AtOnce(64, func(i int) {
		_, outcome, err := db.Present(t.Context(), family.Presented{FamilyID: families[i%2].ID}, windowed, 1)
		if err != nil || outcome != family.Repeated {
			t.Errorf("Present() = %d, %v, want Repeated", outcome, err)
		}
	})
	trail.Check(t, of(f, event.FamilyRepeated, ""), of(sibling, event.FamilyRepeated, ""))
}

func sweepsNotes(t *testing.T, db Database, f family.Family, check func(when string, repeated, late bool)) {
	t.Helper()
	for _, s := range []struct {
		age  time.Duration
		left bool
	}{{family.ReuseMemory - 2*time.Hour, true}, {2 * time.Hour, false}} {
		age(t, db, f, s.age)
		if _, err := sweeptest.All(t.Context(), db.Sweeps()...); err != nil {
			t.Fatal(err)
		}
		check("swept", s.left, s.left)
	}
}
