// Package keytest says what every store of keys must do.
package keytest

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

// Database is a store, and the logs that it appends to.
type Database struct {
	*key.Store

	Log   coherent.Source
	Audit eventtest.Audit
}

// RunStore checks a store. newDatabase returns an empty one, and cleans up with
// t.Cleanup.
func RunStore(t *testing.T, newDatabase func(t *testing.T) Database) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, *key.Store, coherent.Source)
	}{
		{"an empty store lists nothing but the time", empty},
		{"keys are listed by purpose and generation", listed},
		{"a first key is created once, and active at once", once},
		{"16 create the first key at once, one succeeds", concurrentCreate},
		{"a successor sets when its predecessors expire", rotated},
		{"a lead that is over leaves room for the next", rotatedAtOnce},
		{"there is one next key", oneNext},
		{"a generation that is there is not made again", oneGeneration},
		{"of several successors all are made or none", allOrNone},
		{"16 rotate for later, one succeeds", concurrentRotate},
		{"without a lead the next key takes over now", activated},
		{"only the newest key takes over", onlyNewest},
		{"of several successors all take over or none", activatedAllOrNone},
		{"16 rotate without a lead, all have one key", concurrentActivate},
		{"a former key is retired, and nothing of it left", retired},
		{"a key is retired twice, and its end is logged twice", retiredTwice},
		{"keys in use are not retired", notRetired},
		{"16 retire one key at once, all succeed", concurrentRetire},
		{"a retired generation does not come back", noWayBack},
		{"keys go when they expire", swept},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := newDatabase(t)
			tt.run(t, db.Store, db.Log)
		})
	}
	t.Run("every change leaves one record, and a failed one none", func(t *testing.T) { changesAreRecorded(t, newDatabase(t)) })
	t.Run("N291 a change without its record does not happen", func(t *testing.T) { unrecordedDoesNotHappen(t, newDatabase(t)) })
}

func list(t *testing.T, s *key.Store) key.Listing {
	t.Helper()
	l, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func create(t *testing.T, s *key.Store, p key.Purpose) {
	t.Helper()
	if err := s.Create(t.Context(), p, "first", []byte{1}); err != nil {
		t.Fatal(err)
	}
}

func rotate(t *testing.T, s *key.Store, n ...key.Successor) []key.Stored {
	t.Helper()
	made, err := s.Rotate(t.Context(), n...)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// generations are those of a purpose that are there.
func generations(t *testing.T, s *key.Store, p key.Purpose) []int64 {
	t.Helper()
	var all []int64
	for _, k := range list(t, s).Keys {
		if k.Purpose == p {
			all = append(all, k.Generation)
		}
	}
	return all
}

func check(t *testing.T, s *key.Store, p key.Purpose, want ...int64) {
	t.Helper()
	if diff := cmp.Diff(want, generations(t, s, p)); diff != "" {
		t.Errorf("generations of %s (-want +got):\n%s", p, diff)
	}
}

func empty(t *testing.T, s *key.Store, _ coherent.Source) {
	l := list(t, s)
	if len(l.Keys) != 0 || len(l.Retired) != 0 || l.Time.Year() < 2020 {
		t.Errorf("List() = %v", l)
	}
	if l.Time.After(list(t, s).Time) {
		t.Error("time goes back")
	}
}

func listed(t *testing.T, s *key.Store, _ coherent.Source) {
	create(t, s, key.Sealing)
	create(t, s, key.RS256)
	create(t, s, key.ES256)
	for generation := int64(2); generation <= 11; generation++ {
		rotate(t, s, sealing(generation))
	}
	want := []key.Stored{
		{Purpose: key.ES256, Generation: 1, Ciphertext: []byte{1}},
		{Purpose: key.RS256, Generation: 1, Ciphertext: []byte{1}},
		{Purpose: key.Sealing, Generation: 1, Ciphertext: []byte{1}},
	}
	for generation := int64(2); generation <= 11; generation++ {
		want = append(want, key.Stored{Purpose: key.Sealing, Generation: generation, Ciphertext: []byte{2}})
	}
	got := list(t, s).Keys
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(key.Stored{}, "CreateTime", "ActivateTime", "ExpireTime")); diff != "" {
		t.Errorf("List() (-want +got):\n%s", diff)
	}
}

func once(t *testing.T, s *key.Store, _ coherent.Source) {
	if err := s.Create(t.Context(), key.Sealing, "1", []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), key.Sealing, "1", []byte("second")); !errors.Is(err, key.ErrExists) {
		t.Errorf("Create() again = %v, want ErrExists", err)
	}
	l := list(t, s)
	if len(l.Keys) != 1 || string(l.Keys[0].Ciphertext) != "first" {
		t.Fatalf("List() = %v, want the first alone", l.Keys)
	}
	k := l.Keys[0]
	if !k.CreateTime.Equal(k.ActivateTime) || k.ActivateTime.After(l.Time) || !k.ExpireTime.IsZero() || k.CreateTime.Year() < 2020 {
		t.Errorf("times = %v, %v, %v at %v", k.CreateTime, k.ActivateTime, k.ExpireTime, l.Time)
	}
	create(t, s, key.RS256)
}

func concurrentCreate(t *testing.T, s *key.Store, _ coherent.Source) {
	var won atomic.Int32
	storetest.AtOnce(16, func(i int) {
		switch err := s.Create(t.Context(), key.ES256, "1", make([]byte, i+1)); {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, key.ErrExists):
			t.Error(err)
		}
	})
	if keys := list(t, s).Keys; won.Load() != 1 || len(keys) != 1 {
		t.Errorf("%d of 16 created a key, and %d are there, want 1 and 1", won.Load(), len(keys))
	}
}
