package keytest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

// sealing is a successor without lead, which an hour outlives.
func sealing(generation int64) key.Successor {
	return key.Successor{Purpose: key.Sealing, Generation: generation, Ciphertext: []byte{2}, Life: time.Hour}
}

func after(lead time.Duration, s key.Successor) key.Successor {
	s.Lead = lead
	return s
}

func rotated(t *testing.T, s *key.Store, _ coherent.Source) {
	create(t, s, key.Sealing)
	create(t, s, key.RS256)
	made := rotate(t, s, after(10*time.Minute, sealing(2)))[0]
	if made.Purpose != key.Sealing || made.Generation != 2 || made.ActivateTime.Sub(made.CreateTime) != 10*time.Minute || !made.ExpireTime.IsZero() {
		t.Errorf("Rotate() = %+v", made)
	}
	for _, k := range list(t, s).Keys {
		var want time.Time
		if k.Purpose == key.Sealing && k.Generation == 1 {
			want = made.ActivateTime.Add(time.Hour)
		}
		if !k.ExpireTime.Equal(want) {
			t.Errorf("%s key %d expires %v, want %v", k.Purpose, k.Generation, k.ExpireTime, want)
		}
		if k.Generation == 2 && !cmp.Equal(k, made) {
			t.Errorf("List() has %+v, want %+v", k, made)
		}
	}
}

func rotatedAtOnce(t *testing.T, s *key.Store, _ coherent.Source) {
	create(t, s, key.Sealing)
	rotate(t, s, sealing(2))
	first := list(t, s).Keys[0].ExpireTime
	rotate(t, s, after(time.Minute, sealing(3)))
	check(t, s, key.Sealing, 1, 2, 3)
	if again := list(t, s).Keys[0].ExpireTime; !again.Equal(first) {
		t.Errorf("a second successor moves the expiry from %v to %v", first, again)
	}
}

func oneNext(t *testing.T, s *key.Store, _ coherent.Source) {
	create(t, s, key.Sealing)
	create(t, s, key.ES256)
	rotate(t, s, after(time.Minute, sealing(2)))
	for _, n := range []key.Successor{sealing(3), after(time.Minute, sealing(3)), after(time.Minute, sealing(2))} {
		if _, err := s.Rotate(t.Context(), n); !errors.Is(err, key.ErrHasNext) {
			t.Errorf("Rotate() with a next key = %v, want ErrHasNext", err)
		}
	}
	check(t, s, key.Sealing, 1, 2)
	rotate(t, s, key.Successor{Purpose: key.ES256, Generation: 2, Ciphertext: []byte{2}})
}

func oneGeneration(t *testing.T, s *key.Store, _ coherent.Source) {
	create(t, s, key.Sealing)
	rotate(t, s, sealing(2))
	for _, generation := range []int64{1, 2} {
		if _, err := s.Rotate(t.Context(), after(time.Minute, sealing(generation))); !errors.Is(err, key.ErrHasNext) {
			t.Errorf("Rotate() of generation %d = %v, want ErrHasNext", generation, err)
		}
	}
	rotate(t, s, sealing(3))
	check(t, s, key.Sealing, 1, 2, 3)
}

func allOrNone(t *testing.T, s *key.Store, _ coherent.Source) {
	create(t, s, key.Sealing)
	create(t, s, key.ES256)
	signing := key.Successor{Purpose: key.ES256, Generation: 2, Ciphertext: []byte{2}, Lead: time.Minute}
	rotate(t, s, signing)
	signing.Generation = 3
	if _, err := s.Rotate(t.Context(), sealing(2), signing); !errors.Is(err, key.ErrHasNext) {
		t.Errorf("Rotate() = %v, want ErrHasNext", err)
	}
	check(t, s, key.Sealing, 1)
	if k := list(t, s).Keys[1]; k.Purpose == key.Sealing && !k.ExpireTime.IsZero() {
		t.Error("the key without a successor expires")
	}
}

func concurrentRotate(t *testing.T, s *key.Store, _ coherent.Source) {
	create(t, s, key.Sealing)
	var won atomic.Int32
	storetest.AtOnce(16, func(int) {
		switch _, err := s.Rotate(t.Context(), after(time.Minute, sealing(2))); {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, key.ErrHasNext):
			t.Error(err)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d of 16 rotated, want 1", won.Load())
	}
	check(t, s, key.Sealing, 1, 2)
}

// first names the first sealing key.
var first = key.Name{Purpose: key.Sealing, Generation: 1, ID: "00000007"}

func retired(t *testing.T, s *key.Store, log coherent.Source) {
	create(t, s, key.Sealing)
	rotate(t, s, sealing(2))
	before := list(t, s).Keys[0]
	got, err := s.Retire(t.Context(), first, coherent.SealingKey(7))
	if err != nil {
		t.Fatal(err)
	}
	l := list(t, s)
	want := key.Retired{
		Name: first, CreateTime: before.CreateTime, ActivateTime: before.ActivateTime,
		ExpireTime: before.ExpireTime, RetireTime: got.RetireTime,
	}
	if diff := cmp.Diff([]key.Retired{want}, l.Retired); diff != "" || !cmp.Equal(got, want) {
		t.Errorf("Retire() = %+v, retired (-want +got):\n%s", got, diff)
	}
	if got.RetireTime.Before(before.CreateTime) || got.RetireTime.After(l.Time) {
		t.Errorf("retired at %v, want before %v", got.RetireTime, l.Time)
	}
	check(t, s, key.Sealing, 2)
	storetest.CheckLog(t, log, coherent.SealingKey(7))
}

func retiredTwice(t *testing.T, s *key.Store, log coherent.Source) {
	create(t, s, key.Sealing)
	rotate(t, s, sealing(2))
	var ends []key.Retired
	for range 2 {
		end, err := s.Retire(t.Context(), first, coherent.SealingKey(7))
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	if !cmp.Equal(ends[0], ends[1]) || len(list(t, s).Retired) != 1 {
		t.Errorf("Retire() = %+v, then %+v", ends[0], ends[1])
	}
	batch, err := coherenttest.Load(t.Context(), log)
	if err != nil || len(batch.Entries) != 2 {
		t.Errorf("%d restrictions are logged, %v: who repeats a call must find its effect durable", len(batch.Entries), err)
	}
}

func notRetired(t *testing.T, s *key.Store, log coherent.Source) {
	create(t, s, key.Sealing)
	create(t, s, key.RS256)
	rotate(t, s, after(time.Minute, sealing(2)))
	for _, tt := range []struct {
		p          key.Purpose
		generation int64
		want       error
	}{
		{key.RS256, 1, key.ErrInUse},   // the only one
		{key.Sealing, 1, key.ErrInUse}, // active: its successor is not
		{key.Sealing, 2, key.ErrInUse}, // next
		{key.Sealing, 3, key.ErrNotFound},
		{key.ES256, 1, key.ErrNotFound},
	} {
		_, err := s.Retire(t.Context(), key.Name{Purpose: tt.p, Generation: tt.generation, ID: "x"}, coherent.SealingKey(9))
		if !errors.Is(err, tt.want) {
			t.Errorf("Retire(%s %d) = %v, want %v", tt.p, tt.generation, err, tt.want)
		}
	}
	check(t, s, key.Sealing, 1, 2)
	storetest.CheckLog(t, log)
}

func concurrentRetire(t *testing.T, s *key.Store, log coherent.Source) {
	create(t, s, key.Sealing)
	rotate(t, s, sealing(2))
	storetest.AtOnce(16, func(int) {
		if _, err := s.Retire(t.Context(), first, coherent.SealingKey(7)); err != nil {
			t.Error(err)
		}
	})
	check(t, s, key.Sealing, 2)
	storetest.CheckLog(t, log, coherent.SealingKey(7))
}

func noWayBack(t *testing.T, s *key.Store, _ coherent.Source) {
	create(t, s, key.Sealing)
	rotate(t, s, sealing(2))
	if _, err := s.Retire(t.Context(), first, coherent.SealingKey(7)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rotate(t.Context(), sealing(1)); !errors.Is(err, key.ErrHasNext) {
		t.Errorf("Rotate() to a retired generation = %v, want ErrHasNext", err)
	}
	if err := s.Create(t.Context(), key.Sealing, "first", []byte{1}); !errors.Is(err, key.ErrExists) {
		t.Errorf("Create() of a retired generation = %v, want ErrExists", err)
	}
	check(t, s, key.Sealing, 2)
}

func swept(t *testing.T, s *key.Store, _ coherent.Source) {
	for _, p := range []key.Purpose{key.Sealing, key.RS256, key.ES256} {
		create(t, s, p)
	}
	over := sealing(2)
	over.Life = 0
	rotate(t, s, over, key.Successor{Purpose: key.RS256, Generation: 2, Ciphertext: []byte{2}, Life: time.Hour})
	rotate(t, s, key.Successor{Purpose: key.ES256, Generation: 2, Ciphertext: []byte{2}})
	if _, err := s.Retire(t.Context(), key.Name{Purpose: key.ES256, Generation: 1, ID: "over"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Retire(t.Context(), key.Name{Purpose: key.RS256, Generation: 1, ID: "alive"}); err != nil {
		t.Fatal(err)
	}
	if _, err := sweeptest.All(t.Context(), s.Sweeps()...); err != nil {
		t.Fatal(err)
	}
	check(t, s, key.Sealing, 2)
	check(t, s, key.RS256, 2)
	check(t, s, key.ES256, 2)
	if r := list(t, s).Retired; len(r) != 1 || r[0].ID != "alive" {
		t.Errorf("retired = %+v, want the one that has not expired", r)
	}
	rotate(t, s, sealing(3))
	if _, err := sweeptest.All(t.Context(), s.Sweeps()...); err != nil {
		t.Fatal(err)
	}
	check(t, s, key.Sealing, 2, 3)
}
