package key_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/kek"
	"github.com/chancery-auth/chancery/pkg/seal"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/key/keypg"
	"github.com/chancery-auth/chancery/services/token/internal/key/keysqlite"
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

func open(t *testing.T, s key.Store, k key.Encrypter) key.Keys {
	t.Helper()
	v := key.Vault{Keys: s, KEK: k, Generate: key.Generate}
	keys, err := v.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func public(t *testing.T, keys key.Keys) string {
	t.Helper()
	document, err := keys.Signing.Public()
	if err != nil {
		t.Fatal(err)
	}
	return string(document)
}

func onEach(t *testing.T, rule func(*testing.T, key.Store)) {
	t.Helper()
	t.Run("postgres", func(t *testing.T) {
		db, _ := storetest.Postgres(t)
		rule(t, keypg.New(db))
	})
	t.Run("sqlite", func(t *testing.T) {
		db, _ := storetest.SQLite(t)
		rule(t, keysqlite.New(db))
	})
}

func TestVaultMakesKeysOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s key.Store) {
		k := newKEK(t)
		first, second := open(t, s, k), open(t, s, k)
		if !slices.Equal(first.Sealing, second.Sealing) || first.Primary != second.Primary || public(t, first) != public(t, second) {
			t.Error("the vault opens with other keys the second time")
		}
		if len(first.Sealing) != 1 || first.Primary != first.Sealing[0].ID || strings.Count(public(t, first), `"kid"`) != 2 {
			t.Errorf("keys = %v, %s, want one to seal and two to sign", first.Sealing, public(t, first))
		}
	})
}

func TestVaultsThatOpenAtOnceHaveTheSameKeys(t *testing.T) {
	onEach(t, func(t *testing.T, s key.Store) {
		k := newKEK(t)
		all := make([]key.Keys, 8)
		storetest.AtOnce(len(all), func(i int) {
			v := key.Vault{Keys: s, KEK: k, Generate: key.Generate}
			keys, err := v.Open(t.Context())
			if err != nil {
				t.Error(err)
			}
			all[i] = keys
		})
		if t.Failed() {
			return
		}
		for _, keys := range all[1:] {
			if !slices.Equal(keys.Sealing, all[0].Sealing) || public(t, keys) != public(t, all[0]) {
				t.Error("two vaults have different keys")
			}
		}
	})
}

func sqliteStore(t *testing.T) key.Store {
	t.Helper()
	db, _ := storetest.SQLite(t)
	return keysqlite.New(db)
}

func TestAnotherKeyEncryptionKeyIsToldApart(t *testing.T) {
	s := sqliteStore(t)
	open(t, s, newKEK(t))
	v := key.Vault{Keys: s, KEK: newKEK(t), Generate: key.Generate}
	if _, err := v.Open(t.Context()); !errors.Is(err, kek.ErrOtherKey) || !strings.Contains(err.Error(), "key-encryption key") {
		t.Errorf("Open() = %v, want ErrOtherKey in words", err)
	}
	if stored, err := s.List(t.Context()); err != nil || len(stored) != 3 {
		t.Errorf("%d keys are stored, %v: opening with the wrong key makes new ones", len(stored), err)
	}
}

// edited is a store in which somebody changed what is at rest.
type edited struct {
	key.Store
	edit func([]key.Stored)
}

func (e edited) List(ctx context.Context) ([]key.Stored, error) {
	keys, err := e.Store.List(ctx)
	if len(keys) == 3 {
		e.edit(keys)
	}
	return keys, err
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
			if keys, err := v.Open(t.Context()); !errors.Is(err, kek.ErrDamaged) {
				t.Errorf("Open() = %v, %v, want ErrDamaged", keys.Sealing, err)
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
	for _, k := range stored {
		for _, plaintext := range made {
			if bytes.Contains(k.Ciphertext, plaintext[len(plaintext)-16:]) {
				t.Errorf("the %s key is stored in the clear", k.Purpose)
			}
		}
	}
}

func TestTheLastGenerationIsInUse(t *testing.T) {
	s, k := sqliteStore(t), newKEK(t)
	before := open(t, s, k)
	add := func(p key.Purpose) {
		plaintext, err := key.Generate(p)
		if err != nil {
			t.Fatal(err)
		}
		ciphertext, err := k.Encrypt(plaintext, []byte("chancery/key/"+string(p)+"/2"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Create(t.Context(), key.Stored{Purpose: p, Generation: 2, Ciphertext: ciphertext}); err != nil {
			t.Fatal(err)
		}
	}
	add(key.Sealing)
	add(key.ES256)
	after := open(t, s, k)
	if len(after.Sealing) != 2 || after.Sealing[0] != before.Sealing[0] || after.Primary != after.Sealing[1].ID {
		t.Errorf("sealing keys = %v with %d in use, want the second of two", after.Sealing, after.Primary)
	}
	token, err := after.Signing.Sign(jwks.ES256, jwks.IDToken, map[string]string{"sub": "u1"})
	if err != nil {
		t.Fatal(err)
	}
	_, kid, err := after.Signing.Verify(jwks.IDToken, token)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(public(t, before), kid) || !strings.Contains(public(t, after), kid) {
		t.Errorf("key %s signs, want the new one", kid)
	}
	if strings.Count(public(t, after), `"kid"`) != 3 {
		t.Errorf("JWK set = %s, want three keys", public(t, after))
	}
}

func TestWhatCannotBeMadeIsNotStored(t *testing.T) {
	s := sqliteStore(t)
	cause := errors.New("no randomness")
	v := key.Vault{Keys: s, KEK: newKEK(t), Generate: func(key.Purpose) ([]byte, error) { return nil, cause }}
	if _, err := v.Open(t.Context()); !errors.Is(err, cause) {
		t.Errorf("Open() = %v, want the cause", err)
	}
	if stored, err := s.List(t.Context()); err != nil || len(stored) != 0 {
		t.Errorf("List() = %v, %v, want none", stored, err)
	}
}

func TestPlaintextOfAWrongLengthIsRefused(t *testing.T) {
	v := key.Vault{Keys: sqliteStore(t), KEK: newKEK(t), Generate: func(p key.Purpose) ([]byte, error) {
		if p == key.Sealing {
			return make([]byte, 35), nil
		}
		return key.Generate(p)
	}}
	if keys, err := v.Open(t.Context()); err == nil {
		t.Errorf("Open() = %v of 35 bytes", cmp.Diff([]seal.Key{}, keys.Sealing))
	}
}
