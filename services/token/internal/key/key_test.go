package key_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/kek"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func newKEK(t *testing.T) *kek.Key {
	t.Helper()
	k, err := kek.Open("file:"+filepath.Join(t.TempDir(), "kek"), kek.Create())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func open(t *testing.T, s key.Keys, k key.Encrypter) key.Contents {
	t.Helper()
	v := key.Vault{Keys: s, KEK: k, Generate: key.Generate}
	contents, err := v.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return contents
}

// ids are those of all keys, in order.
func ids(c key.Contents) []string {
	var all []string
	for _, k := range c.Keys {
		all = append(all, k.ID)
	}
	return all
}

func onEach(t *testing.T, rule func(*testing.T, *key.Store)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		db, _ := open(t)
		rule(t, key.NewStore(db, time.Hour))
	})
}

func TestVaultMakesKeysOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *key.Store) {
		k := newKEK(t)
		first, second := open(t, s, k), open(t, s, k)
		if !slices.Equal(ids(first), ids(second)) {
			t.Error("the vault opens with other keys the second time")
		}
		for i, want := range []key.Purpose{key.ES256, key.RS256, key.Sealing} {
			if len(first.Keys) != 3 || first.Keys[i].Purpose != want || first.Keys[i].Generation != 1 || first.Keys[i].ActivateTime.After(first.Time) {
				t.Errorf("keys = %+v, want one for each purpose, active at once", first.Keys)
			}
		}
	})
}

func TestVaultsThatOpenAtOnceHaveTheSameKeys(t *testing.T) {
	onEach(t, func(t *testing.T, s *key.Store) {
		k := newKEK(t)
		all := make([]key.Contents, 8)
		storetest.AtOnce(len(all), func(i int) {
			v := key.Vault{Keys: s, KEK: k, Generate: key.Generate}
			contents, err := v.Open(t.Context())
			if err != nil {
				t.Error(err)
			}
			all[i] = contents
		})
		if t.Failed() {
			return
		}
		for _, c := range all[1:] {
			if !slices.Equal(ids(c), ids(all[0])) {
				t.Error("two vaults have different keys")
			}
		}
	})
}

func sqliteStore(t *testing.T) *key.Store {
	t.Helper()
	db, _ := storetest.SQLite(t)
	return key.NewStore(db, time.Hour)
}

func TestAnotherKeyEncryptionKeyIsToldApart(t *testing.T) {
	s := sqliteStore(t)
	open(t, s, newKEK(t))
	v := key.Vault{Keys: s, KEK: newKEK(t), Generate: key.Generate}
	if _, err := v.Open(t.Context()); !errors.Is(err, kek.ErrOtherKey) || !strings.Contains(err.Error(), "key-encryption key") {
		t.Errorf("Open() = %v, want ErrOtherKey in words", err)
	}
	if l, err := s.List(t.Context()); err != nil || len(l.Keys) != 3 {
		t.Errorf("%d keys are stored, %v: opening with the wrong key makes new ones", len(l.Keys), err)
	}
}

// edited is a store in which somebody changed what is at rest.
type edited struct {
	*key.Store
	edit func([]key.Stored)
}

func (e edited) List(ctx context.Context) (key.Listing, error) {
	l, err := e.Store.List(ctx)
	if len(l.Keys) == 3 {
		e.edit(l.Keys)
	}
	return l, err
}

func TestChangedRowsDoNotOpen(t *testing.T) {
	for name, edit := range map[string]func([]key.Stored){
		"swapped":          func(k []key.Stored) { k[0].Ciphertext, k[1].Ciphertext = k[1].Ciphertext, k[0].Ciphertext },
		"copied":           func(k []key.Stored) { k[1].Ciphertext = k[2].Ciphertext },
		"of no generation": func(k []key.Stored) { k[0].Generation = 2 },
		"flipped":          func(k []key.Stored) { k[0].Ciphertext[len(k[0].Ciphertext)-1] ^= 1 },
		"cut":              func(k []key.Stored) { k[0].Ciphertext = k[0].Ciphertext[:len(k[0].Ciphertext)-1] },
	} {
		t.Run(name, func(t *testing.T) {
			s, k := sqliteStore(t), newKEK(t)
			open(t, edited{s, func([]key.Stored) {}}, k)
			v := key.Vault{Keys: edited{s, edit}, KEK: k, Generate: key.Generate}
			if c, err := v.Open(t.Context()); !errors.Is(err, kek.ErrDamaged) {
				t.Errorf("Open() = %v, %v, want ErrDamaged", ids(c), err)
			}
		})
	}
}

func TestKeysAtRestShowNothing(t *testing.T) {
	s := sqliteStore(t)
	var made [][]byte
	v := key.Vault{Keys: s, KEK: newKEK(t), Generate: func(p key.Purpose) ([]byte, error) {
		plaintext, err := key.Generate(p)
		made = append(made, plaintext)
		return plaintext, err
	}}
	if _, err := v.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	stored, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range stored.Keys {
		for _, plaintext := range made {
			if bytes.Contains(k.Ciphertext, plaintext[len(plaintext)-16:]) {
				t.Errorf("the %s key is stored in the clear", k.Purpose)
			}
		}
	}
}

func TestStateAtEachBoundary(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	of := func(p key.Purpose, after ...time.Duration) (keys []key.Key) {
		for i, d := range after {
			keys = append(keys, key.Key{Stored: key.Stored{Purpose: p, Generation: int64(i + 1), ActivateTime: start.Add(d)}})
		}
		return keys
	}
	keys := append(of(key.ES256, 0), of(key.Sealing, 0, time.Hour, 2*time.Hour)...)
	for at, want := range map[time.Duration][]key.State{
		-time.Second:                {key.Active, key.Active, key.Next, key.Next}, // a clock that is behind
		0:                           {key.Active, key.Active, key.Next, key.Next},
		time.Hour - time.Nanosecond: {key.Active, key.Active, key.Next, key.Next},
		time.Hour:                   {key.Active, key.Former, key.Active, key.Next},
		2*time.Hour - 1:             {key.Active, key.Former, key.Active, key.Next},
		2 * time.Hour:               {key.Active, key.Former, key.Former, key.Active},
	} {
		if got := key.StateAt(keys, start.Add(at)); !slices.Equal(got, want) {
			t.Errorf("StateAt(%v) = %v, want %v", at, got, want)
		}
	}
}

// vault returns one that makes little keys of every purpose.
func vault(t *testing.T, s *key.Store) *key.Vault {
	t.Helper()
	return &key.Vault{
		Keys: s, KEK: newKEK(t), Generate: key.Generate, Hints: discard{},
		Life: map[key.Purpose]time.Duration{key.Sealing: time.Hour, key.RS256: time.Minute, key.ES256: time.Minute},
	}
}

// discard is a publisher that nobody hears.
type discard struct{}

func (discard) Publish(context.Context, ...coherent.Restriction) {}

// N290: of two rotations at once one wins, as long as the next key waits.
func TestN290_RotationsAreSerialised(t *testing.T) {
	onEach(t, func(t *testing.T, s *key.Store) {
		v := vault(t, s)
		first, err := v.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var won atomic.Int32
		storetest.AtOnce(4, func(int) {
			switch _, err := v.Rotate(t.Context(), time.Minute, key.Sealing, key.ES256); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, key.ErrHasNext):
				t.Error(err)
			}
		})
		after, err := v.Open(t.Context())
		if err != nil || won.Load() != 1 || len(after.Keys) != 5 {
			t.Fatalf("%d rotations won, %d keys, %v, want 1 and 5", won.Load(), len(after.Keys), err)
		}
		if after.Keys[0].ID != first.Keys[0].ID || after.Keys[1].ID == first.Keys[0].ID {
			t.Error("the next key is not a new one")
		}
		if _, err := v.Rotate(t.Context(), time.Nanosecond, key.ES256); !errors.Is(err, key.ErrHasNext) {
			t.Errorf("Rotate() = %v, want ErrHasNext", err)
		}
	})
}

// Who rotates at once while a next key waits gets that one, and a new one of
// each purpose that has none.
func TestNextKeyTakesOverAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *key.Store) {
		v := vault(t, s)
		next, err := v.Rotate(t.Context(), time.Hour, key.Sealing)
		if err != nil {
			t.Fatal(err)
		}
		generated := 0
		v.Generate = func(p key.Purpose) ([]byte, error) {
			generated++
			return key.Generate(p)
		}
		made, err := v.Rotate(t.Context(), 0, key.Purposes()...)
		if err != nil || len(made) != 3 || made[0].ID != next[0].ID || generated != 2 {
			t.Fatalf("Rotate() = %+v, %v with %d keys generated, want the next one and two new ones", made, err, generated)
		}
		c, err := v.Open(t.Context())
		if err != nil || len(c.Keys) != 6 {
			t.Fatalf("%d keys, %v, want 6", len(c.Keys), err)
		}
		for i, state := range key.StateAt(c.Keys, c.Time) {
			if want := []key.State{key.Former, key.Active}[i%2]; state != want {
				t.Errorf("%s key %d is %v, want %v", c.Keys[i].Purpose, c.Keys[i].Generation, state, want)
			}
		}
	})
}

// behind is a store whose list is as old as the second of two callers reads it.
type behind struct {
	*key.Store
	first key.Listing
}

func (b behind) List(context.Context) (key.Listing, error) { return b.first, nil }

// Of two who rotate at once, having read the same keys, both get one key.
func TestTwoWhoRotateAtOnceHaveOneKey(t *testing.T) {
	for name, lead := range map[string]time.Duration{"a next key waits": time.Hour, "no key waits": 0} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, s *key.Store) {
				v := vault(t, s)
				if _, err := v.Rotate(t.Context(), lead, key.Sealing); err != nil {
					t.Fatal(err)
				}
				first, err := s.List(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				v.Keys = behind{s, first}
				made := make([][]key.Key, 4)
				storetest.AtOnce(len(made), func(i int) {
					var err error
					if made[i], err = v.Rotate(t.Context(), 0, key.Sealing); err != nil {
						t.Error(err)
					}
				})
				for _, m := range made {
					if len(m) != 1 || m[0].ID != made[0][0].ID {
						t.Errorf("Rotate() = %+v, want one key for all", m)
					}
				}
			})
		})
	}
}

// Of replicas that find one key due, one rotates, however long the others take.
func TestAKeyIsSucceededOnce(t *testing.T) {
	s := sqliteStore(t)
	v := vault(t, s)
	c, err := v.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, key.ErrHasNext} {
		if err := v.Succeed(t.Context(), 0, c.Keys[2].Name()); !errors.Is(err, want) {
			t.Errorf("Succeed() = %v the %d. time, want %v", err, i+1, want)
		}
	}
}

// N290: a key in use is not retired; a retired one does not come back.
func TestN290_RetiredKeysAreGone(t *testing.T) {
	onEach(t, func(t *testing.T, s *key.Store) {
		v := vault(t, s)
		c, err := v.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		old := c.Keys[2]
		if _, err := v.Retire(t.Context(), old.ID); !errors.Is(err, key.ErrInUse) {
			t.Fatalf("Retire() of the active key = %v, want ErrInUse", err)
		}
		if _, err := v.Rotate(t.Context(), 0, key.Sealing); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r, err := v.Retire(t.Context(), old.ID)
			if err != nil || r.Name != old.Name() {
				t.Fatalf("Retire() = %+v, %v", r, err)
			}
		}
		if _, err := v.Retire(t.Context(), "ffffffff0"); !errors.Is(err, key.ErrNotFound) {
			t.Errorf("Retire() of what never was = %v, want ErrNotFound", err)
		}
		c, err = v.Open(t.Context())
		if err != nil || slices.Contains(ids(c), old.ID) || len(c.Retired) != 1 {
			t.Errorf("keys = %v, retired = %v, %v", ids(c), c.Retired, err)
		}
	})
}

// A key with the id of another is made again, also of one that was retired.
func TestNoTwoKeysHaveOneID(t *testing.T) {
	s := sqliteStore(t)
	v := vault(t, s)
	c, err := v.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again := 0
	v.Generate = func(p key.Purpose) ([]byte, error) {
		plaintext, err := key.Generate(p)
		if again++; again <= 2 {
			binary.BigEndian.PutUint32(plaintext, c.Keys[2].Seal.ID)
		}
		return plaintext, err
	}
	made, err := v.Rotate(t.Context(), 0, key.Sealing)
	if err != nil || again != 3 || made[0].ID == c.Keys[2].ID {
		t.Errorf("Rotate() = %v, %v after %d tries, want another id after 3", made, err, again)
	}
	again = -100
	if _, err := v.Rotate(t.Context(), 0, key.Sealing); err == nil {
		t.Error("a key with the id of another is made")
	}
}

func TestWhatCannotBeMadeIsNotStored(t *testing.T) {
	s := sqliteStore(t)
	cause := errors.New("no randomness")
	v := key.Vault{Keys: s, KEK: newKEK(t), Generate: func(key.Purpose) ([]byte, error) { return nil, cause }}
	if _, err := v.Open(t.Context()); !errors.Is(err, cause) {
		t.Errorf("Open() = %v, want the cause", err)
	}
	if l, err := s.List(t.Context()); err != nil || len(l.Keys) != 0 {
		t.Errorf("List() = %v, %v, want none", l.Keys, err)
	}
}

func TestPlaintextOfAWrongLengthIsRefused(t *testing.T) {
	v := key.Vault{Keys: sqliteStore(t), KEK: newKEK(t), Generate: func(p key.Purpose) ([]byte, error) {
		if p == key.Sealing {
			return make([]byte, 35), nil
		}
		return key.Generate(p)
	}}
	if c, err := v.Open(t.Context()); err == nil {
		t.Errorf("Open() = %v of 35 bytes", ids(c))
	}
}
