// Package keytest says what every store of keys must do.
package keytest

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

// RunStore checks an implementation of key.Store. newStore returns an empty one,
// and cleans up with t.Cleanup.
func RunStore(t *testing.T, newStore func(t *testing.T) key.Store) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, key.Store)
	}{
		{"an empty store lists nothing", empty},
		{"keys are listed by purpose and generation", listed},
		{"a generation is created once", once},
		{"16 create one generation at once, one succeeds", concurrent},
		{"generations count from 1", fromOne},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newStore(t)) })
	}
}

func list(t *testing.T, s key.Store) []key.Stored {
	t.Helper()
	keys, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func create(t *testing.T, s key.Store, k key.Stored) {
	t.Helper()
	if err := s.Create(t.Context(), k); err != nil {
		t.Fatal(err)
	}
}

func empty(t *testing.T, s key.Store) {
	if keys := list(t, s); len(keys) != 0 {
		t.Errorf("List() = %v", keys)
	}
}

func listed(t *testing.T, s key.Store) {
	for _, k := range []key.Stored{
		{Purpose: key.Sealing, Generation: 10, Ciphertext: []byte{4}},
		{Purpose: key.Sealing, Generation: 2, Ciphertext: []byte{3, 0}},
		{Purpose: key.RS256, Generation: 1, Ciphertext: []byte{2}},
		{Purpose: key.ES256, Generation: 1, Ciphertext: []byte{1}},
	} {
		create(t, s, k)
	}
	want := []key.Stored{
		{Purpose: key.ES256, Generation: 1, Ciphertext: []byte{1}},
		{Purpose: key.RS256, Generation: 1, Ciphertext: []byte{2}},
		{Purpose: key.Sealing, Generation: 2, Ciphertext: []byte{3, 0}},
		{Purpose: key.Sealing, Generation: 10, Ciphertext: []byte{4}},
	}
	got := list(t, s)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(key.Stored{}, "CreateTime")); diff != "" {
		t.Errorf("List() (-want +got):\n%s", diff)
	}
	for _, k := range got {
		if k.CreateTime.IsZero() || k.CreateTime.Year() < 2020 {
			t.Errorf("CreateTime = %v, want the store's", k.CreateTime)
		}
	}
}

func once(t *testing.T, s key.Store) {
	k := key.Stored{Purpose: key.Sealing, Generation: 1, Ciphertext: []byte("first")}
	create(t, s, k)
	k.Ciphertext = []byte("second")
	if err := s.Create(t.Context(), k); !errors.Is(err, key.ErrExists) {
		t.Errorf("Create() again = %v, want ErrExists", err)
	}
	if got := list(t, s); len(got) != 1 || string(got[0].Ciphertext) != "first" {
		t.Errorf("List() = %v, want the first alone", got)
	}
	create(t, s, key.Stored{Purpose: key.RS256, Generation: 1, Ciphertext: []byte("another purpose")})
}

func concurrent(t *testing.T, s key.Store) {
	var won atomic.Int32
	storetest.AtOnce(16, func(i int) {
		switch err := s.Create(t.Context(), key.Stored{Purpose: key.ES256, Generation: 1, Ciphertext: make([]byte, i+1)}); {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, key.ErrExists):
			t.Error(err)
		}
	})
	if keys := list(t, s); won.Load() != 1 || len(keys) != 1 {
		t.Errorf("%d of 16 created a key, and %d are there, want 1 and 1", won.Load(), len(keys))
	}
}

func fromOne(t *testing.T, s key.Store) {
	for _, generation := range []int64{0, -1} {
		if err := s.Create(t.Context(), key.Stored{Purpose: key.Sealing, Generation: generation, Ciphertext: []byte{1}}); err == nil {
			t.Errorf("generation %d is created", generation)
		}
	}
}
