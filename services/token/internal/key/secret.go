package key

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/seal"
)

// Encrypter encrypts keys at rest: the key-encryption key.
type Encrypter interface {
	Encrypt(plaintext, associated []byte) ([]byte, error)
	Decrypt(ciphertext, associated []byte) ([]byte, error)
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

// open decrypts a stored key.
func open(k Stored, kek Encrypter) (Key, error) {
	plaintext, err := kek.Decrypt(k.Ciphertext, associated(k.Purpose, k.Generation))
	if err != nil {
		return Key{}, fmt.Errorf("decrypt %s key %d: is this the key-encryption key it was made with? %w", k.Purpose, k.Generation, err)
	}
	opened, err := parse(k.Purpose, plaintext)
	if err != nil {
		return Key{}, fmt.Errorf("parse %s key %d: %w", k.Purpose, k.Generation, err)
	}
	opened.Stored = k
	return opened, nil
}

// parse reads what [Generate] made.
func parse(p Purpose, plaintext []byte) (Key, error) {
	if p == Sealing {
		sealing, err := parseSealing(plaintext)
		return Key{ID: fmt.Sprintf("%08x", sealing.ID), Seal: sealing}, err
	}
	signing, err := jwks.ParsePrivate(jwks.Alg(p), plaintext)
	return Key{ID: signing.KID(), Sign: signing}, err
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
