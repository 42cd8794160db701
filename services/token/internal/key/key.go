// Package key keeps the keys of the token service: those that seal credentials
// and those that sign ID tokens. At rest each is encrypted by the key-encryption
// key; whoever reads the table learns nothing.
package key

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/seal"
)

// Purpose says what a key does.
type Purpose string

// The purposes. Signing keys have one for each algorithm.
const (
	Sealing Purpose = "seal"
	RS256   Purpose = "RS256"
	ES256   Purpose = "ES256"
)

// Purposes returns every purpose for which there must be a key.
func Purposes() []Purpose { return []Purpose{Sealing, RS256, ES256} }

// Stored is a key at rest.
type Stored struct {
	Purpose Purpose
	// Generation counts the keys of one purpose from 1. The highest is in use.
	Generation int64
	// Encrypted by the key-encryption key, with purpose and generation as
	// associated data.
	Ciphertext []byte
	CreateTime time.Time
}

// ErrExists is returned for a generation that is there already.
var ErrExists = errors.New("key generation exists")

// Store keeps keys. Implementations are safe for concurrent use, across
// processes too; keytest.RunStore says what they must do.
type Store interface {
	// Create adds a key. Of any number of callers with one purpose and generation
	// exactly one succeeds. Fails with ErrExists.
	Create(ctx context.Context, k Stored) error
	// List returns every key, by purpose and generation.
	List(ctx context.Context) ([]Stored, error)
}

// Encrypter encrypts keys at rest: the key-encryption key.
type Encrypter interface {
	Encrypt(plaintext, associated []byte) ([]byte, error)
	Decrypt(ciphertext, associated []byte) ([]byte, error)
}

// Keys are the keys of a running service.
type Keys struct {
	Sealing []seal.Key
	// Primary is the id of the sealing key in use.
	Primary uint32
	Signing *jwks.Set
}

// Vault opens and makes keys.
type Vault struct {
	Keys Store
	KEK  Encrypter
	// Generate makes the bytes of a new key.
	Generate func(Purpose) ([]byte, error)
}

// Open returns the keys, and makes those of the first generation where there are
// none yet. Processes that start at once end up with the same keys.
func (v *Vault) Open(ctx context.Context) (Keys, error) {
	stored, err := v.Keys.List(ctx)
	if err != nil {
		return Keys{}, fmt.Errorf("list keys: %w", err)
	}
	made := false
	for _, p := range Purposes() {
		if !has(stored, p) {
			made = true
			if err := v.create(ctx, p); err != nil {
				return Keys{}, err
			}
		}
	}
	if made {
		if stored, err = v.Keys.List(ctx); err != nil {
			return Keys{}, fmt.Errorf("list keys: %w", err)
		}
	}
	return v.decrypt(stored)
}

// create makes the first key of a purpose, unless another process was faster.
func (v *Vault) create(ctx context.Context, p Purpose) error {
	plaintext, err := v.Generate(p)
	if err != nil {
		return fmt.Errorf("generate %s key: %w", p, err)
	}
	k := Stored{Purpose: p, Generation: 1}
	if k.Ciphertext, err = v.KEK.Encrypt(plaintext, k.associated()); err != nil {
		return fmt.Errorf("encrypt %s key: %w", p, err)
	}
	if err := v.Keys.Create(ctx, k); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("create %s key: %w", p, err)
	}
	return nil
}

// decrypt opens the stored keys. The last of each purpose is the one in use.
func (v *Vault) decrypt(stored []Stored) (Keys, error) {
	var keys Keys
	var signing []jwks.Key
	for _, k := range stored {
		plaintext, err := v.KEK.Decrypt(k.Ciphertext, k.associated())
		if err != nil {
			return Keys{}, fmt.Errorf("decrypt %s key %d: is this the key-encryption key it was made with? %w", k.Purpose, k.Generation, err)
		}
		if k.Purpose == Sealing {
			sealing, err := parseSealing(plaintext)
			if err != nil {
				return Keys{}, err
			}
			keys.Sealing, keys.Primary = append(keys.Sealing, sealing), sealing.ID
			continue
		}
		private, err := jwks.ParsePrivate(jwks.Alg(k.Purpose), plaintext)
		if err != nil {
			return Keys{}, fmt.Errorf("parse %s key %d: %w", k.Purpose, k.Generation, err)
		}
		// The newest first: it signs.
		signing = append([]jwks.Key{private}, signing...)
	}
	set, err := jwks.NewSet(signing...)
	if err != nil {
		return Keys{}, fmt.Errorf("join signing keys: %w", err)
	}
	keys.Signing = set
	return keys, nil
}

// Generate makes a key from fresh randomness.
func Generate(p Purpose) ([]byte, error) {
	if p == Sealing {
		k := seal.NewKey()
		return append(binary.BigEndian.AppendUint32(nil, k.ID), k.Root[:]...), nil
	}
	k, err := jwks.Generate(jwks.Alg(p))
	if err != nil {
		return nil, err
	}
	return k.MarshalPrivate()
}

func parseSealing(plaintext []byte) (seal.Key, error) {
	var k seal.Key
	if len(plaintext) != 4+len(k.Root) {
		return k, errors.New("sealing key has a wrong length")
	}
	k.ID = binary.BigEndian.Uint32(plaintext)
	copy(k.Root[:], plaintext[4:])
	return k, nil
}

// associated binds the ciphertext to its row, so that rows cannot be swapped.
func (k Stored) associated() []byte {
	return fmt.Appendf(nil, "chancery/key/%s/%d", k.Purpose, k.Generation)
}

func has(stored []Stored, p Purpose) bool {
	for _, k := range stored {
		if k.Purpose == p {
			return true
		}
	}
	return false
}
