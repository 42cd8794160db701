package keytest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

// next is the second sealing key, which is there already.
var next = key.Successor{Purpose: key.Sealing, Generation: 2, Life: time.Hour}

func activated(t *testing.T, s *key.Store, _ coherent.Source) {
	create(t, s, key.Sealing)
	create(t, s, key.RS256)
	rotate(t, s, sealing(2))
	rotate(t, s, after(10*time.Minute, sealing(3)))
	before := list(t, s)
	third := next
	third.Generation = 3
	got := rotate(t, s, third)[0]
	now := list(t, s)

	if got.ActivateTime.Before(before.Time) || got.ActivateTime.After(now.Time) {
		t.Errorf("the next key is active from %v, want between %v and %v", got.ActivateTime, before.Time, now.Time)
	}
	want := before.Keys
	want[2].ExpireTime = got.ActivateTime.Add(time.Hour)
	want[3].ActivateTime = got.ActivateTime
	if diff := cmp.Diff(want, now.Keys); diff != "" {
		t.Errorf("beside the two instants (-want +got):\n%s", diff)
	}
	for range 2 {
		if again := rotate(t, s, third)[0]; !cmp.Equal(again, want[3]) || !cmp.Equal(want[3], got) {
			t.Errorf("Rotate() = %+v, then %+v, want %+v", got, again, want[3])
		}
	}
	if _, err := s.Retire(t.Context(), key.Name{Purpose: key.Sealing, Generation: 2, ID: "x"}); err != nil {
		t.Errorf("Retire() of the predecessor = %v", err)
	}
}

func onlyNewest(t *testing.T, s *key.Store, _ coherent.Source) {
	create(t, s, key.Sealing)
	rotate(t, s, sealing(2))
	rotate(t, s, after(time.Minute, sealing(3)))
	before := list(t, s).Keys
	for _, generation := range []int64{1, 2, 4} {
		if _, err := s.Rotate(t.Context(), sealing(generation)); !errors.Is(err, key.ErrHasNext) {
			t.Errorf("Rotate() of generation %d = %v, want ErrHasNext", generation, err)
		}
	}
	if diff := cmp.Diff(before, list(t, s).Keys); diff != "" {
		t.Errorf("what fails changes (-want +got):\n%s", diff)
	}
}

func activatedAllOrNone(t *testing.T, s *key.Store, _ coherent.Source) {
	create(t, s, key.Sealing)
	create(t, s, key.ES256)
	rotate(t, s, after(time.Minute, sealing(2)))
	before := list(t, s).Keys
	signing := key.Successor{Purpose: key.ES256, Generation: 1, Ciphertext: []byte{2}, Lead: time.Minute}
	if _, err := s.Rotate(t.Context(), next, signing); !errors.Is(err, key.ErrHasNext) {
		t.Errorf("Rotate() = %v, want ErrHasNext", err)
	}
	if diff := cmp.Diff(before, list(t, s).Keys); diff != "" {
		t.Errorf("what fails changes (-want +got):\n%s", diff)
	}
	signing.Generation, signing.Lead = 2, 0
	if got := rotate(t, s, next, signing); len(got) != 2 || got[0].Purpose != key.Sealing || got[1].Purpose != key.ES256 {
		t.Errorf("Rotate() = %+v, want the next key and a new one", got)
	}
	check(t, s, key.Sealing, 1, 2)
	check(t, s, key.ES256, 1, 2)
}

func concurrentActivate(t *testing.T, s *key.Store, _ coherent.Source) {
	create(t, s, key.Sealing)
	create(t, s, key.ES256)
	rotate(t, s, after(time.Minute, sealing(2)))
	made := make([][]key.Stored, 16)
	storetest.AtOnce(len(made), func(i int) {
		var err error
		made[i], err = s.Rotate(t.Context(), next, key.Successor{Purpose: key.ES256, Generation: 2, Ciphertext: make([]byte, i+1)})
		if err != nil {
			t.Error(err)
		}
	})
	check(t, s, key.Sealing, 1, 2)
	check(t, s, key.ES256, 1, 2)
	l := list(t, s)
	for _, m := range made {
		if len(m) != 2 || m[0].Generation != 2 || m[0].ActivateTime.After(l.Time) || string(m[1].Ciphertext) != string(l.Keys[1].Ciphertext) {
			t.Errorf("Rotate() = %+v, want keys that are there", m)
		}
	}
	if k := l.Keys[2]; !k.ExpireTime.Equal(l.Keys[3].ActivateTime.Add(time.Hour)) {
		t.Errorf("the predecessor expires %v, an hour after %v is wanted", k.ExpireTime, l.Keys[3].ActivateTime)
	}
}
