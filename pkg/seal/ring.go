package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

var (
	// ErrForged is returned for what was not sealed as that kind by this issuer,
	// or was changed since.
	ErrForged = errors.New("not a sealed value of this kind and issuer")
	// ErrUnknownKey is returned for a value that names a key the ring does not
	// hold: one retired, or never ours.
	ErrUnknownKey = errors.New("sealed under an unknown key")
	// ErrUnknownKind is returned for a [Kind] that is none of the constants.
	ErrUnknownKind = errors.New("unknown kind of sealed value")
)

const (
	// A sealed value begins with the prefix of Tink: one byte, then the key id,
	// big-endian.
	tinkPrefix = 0x01
	headerSize = 5

	tokenIDSize = 16
)

// Ring is the sealing keys of one issuer: the primary seals, all of them open.
// A ring never changes and is safe for concurrent use; rotation makes a new one.
type Ring struct {
	primary uint32
	// ciphers derive their keys when they are first used: most of a long ring
	// never are, and rings are made often.
	ciphers map[Kind]map[uint32]func() (*cipher, error)
}

// NewRing returns a ring of keys. It fails if issuer is empty, a key has no id
// or no root, two keys share an id, or primary is not among them.
func NewRing(issuer string, primary uint32, keys ...Key) (*Ring, error) {
	if issuer == "" {
		return nil, errors.New("make sealing ring: issuer is empty")
	}
	if err := checkKeys(primary, keys); err != nil {
		return nil, fmt.Errorf("make sealing ring: %w", err)
	}
	r := &Ring{primary: primary, ciphers: make(map[Kind]map[uint32]func() (*cipher, error))}
	for _, kind := range kinds() {
		r.ciphers[kind] = make(map[uint32]func() (*cipher, error), len(keys))
		for _, k := range keys {
			r.ciphers[kind][k.ID] = sync.OnceValues(func() (*cipher, error) { return newCipher(kind, issuer, k) })
		}
	}
	return r, nil
}

func checkKeys(primary uint32, keys []Key) error {
	seen := make(map[uint32]bool, len(keys))
	for _, k := range keys {
		switch {
		case k.ID == 0:
			return errors.New("key id is 0")
		case k.Root == [32]byte{}:
			return fmt.Errorf("key %08x has no root", k.ID)
		case seen[k.ID]:
			return fmt.Errorf("key %08x comes twice", k.ID)
		}
		seen[k.ID] = true
	}
	if !seen[primary] {
		return fmt.Errorf("primary key %08x is missing", primary)
	}
	return nil
}

// Primary returns the id of the key that [Ring.Seal] uses.
func (r *Ring) Primary() uint32 { return r.primary }

// Seal seals payload under the primary key and a random 192-bit nonce. Two
// calls never give the same value. Fails with [ErrUnknownKind].
func (r *Ring) Seal(kind Kind, payload []byte) ([]byte, error) {
	c, err := r.cipher(kind, r.primary)
	if err != nil {
		return nil, err
	}
	return c.randomised.Encrypt(payload, c.associated)
}

// Open returns the payload of a value made by [Ring.Seal], and the id of the
// key it is under. Fails with [ErrUnknownKey], [ErrForged] or [ErrUnknownKind].
func (r *Ring) Open(kind Kind, sealed []byte) (payload []byte, keyID uint32, err error) {
	c, keyID, err := r.cipherOf(kind, sealed)
	if err != nil {
		return nil, 0, err
	}
	payload, err = c.randomised.Decrypt(sealed, c.associated)
	if err != nil {
		return nil, 0, ErrForged
	}
	return payload, keyID, nil
}

// SealDeterministic seals payload under the key keyID, always to the same
// value: whoever holds the payload can make the value again. It therefore shows
// which payloads are equal. Fails with [ErrUnknownKey] or [ErrUnknownKind].
func (r *Ring) SealDeterministic(kind Kind, keyID uint32, payload []byte) ([]byte, error) {
	c, err := r.cipher(kind, keyID)
	if err != nil {
		return nil, err
	}
	return c.deterministic.EncryptDeterministically(payload, c.associated)
}

// OpenDeterministic is [Ring.Open] for values made by [Ring.SealDeterministic].
// Neither opens the values of the other.
func (r *Ring) OpenDeterministic(kind Kind, sealed []byte) (payload []byte, keyID uint32, err error) {
	c, keyID, err := r.cipherOf(kind, sealed)
	if err != nil {
		return nil, 0, err
	}
	payload, err = c.deterministic.DecryptDeterministically(sealed, c.associated)
	if err != nil {
		return nil, 0, ErrForged
	}
	return payload, keyID, nil
}

// TokenID returns the first 16 bytes of the nonce: a random id of the sealed
// value that needs no room in the payload. The argument is a value that
// [Ring.Seal] returned or [Ring.Open] accepted; TokenID panics on anything
// shorter than a nonce.
func TokenID(sealed []byte) [tokenIDSize]byte {
	return [tokenIDSize]byte(sealed[headerSize : headerSize+tokenIDSize])
}

// cipherOf picks the cipher by the key id in the header of sealed. The id is
// not trusted: a wrong one leads to a key under which sealed does not open.
func (r *Ring) cipherOf(kind Kind, sealed []byte) (*cipher, uint32, error) {
	if len(sealed) < headerSize || sealed[0] != tinkPrefix {
		return nil, 0, ErrForged
	}
	keyID := binary.BigEndian.Uint32(sealed[1:headerSize])
	c, err := r.cipher(kind, keyID)
	return c, keyID, err
}

func (r *Ring) cipher(kind Kind, keyID uint32) (*cipher, error) {
	ofKind, ok := r.ciphers[kind]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrUnknownKind, string(kind))
	}
	c, ok := ofKind[keyID]
	if !ok {
		return nil, ErrUnknownKey
	}
	return c()
}
