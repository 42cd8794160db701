// Package kek holds the key-encryption key: the one secret that an operator
// provides, under which every other key is stored.
//
// It is named by a URI, file:PATH or env:NAME, and is 32 random bytes in
// base64. What is encrypted carries an id of the key, so that a key file that
// was swapped is told apart from data that was damaged. Losing the key loses
// every sealing and signing key with it.
package kek

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/xchacha20poly1305"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/chancery-auth/chancery/pkg/secret"
)

var (
	// ErrOtherKey is returned for data that another key encrypted.
	ErrOtherKey = errors.New("encrypted under another key-encryption key: provide the one it was encrypted under")
	// ErrDamaged is returned for data that was changed, or belongs elsewhere.
	ErrDamaged = errors.New("encrypted data is damaged, or not the data that was asked for")
)

const (
	size    = 32
	idLabel = "chancery/kek/v1/id"
)

// Key encrypts and decrypts other keys. It does not change, shows nothing of
// itself when formatted, and is safe for concurrent use.
type Key struct {
	aead tink.AEAD
	// prefix begins everything the key encrypts, and holds its id.
	prefix []byte
}

// Encrypt encrypts plaintext and binds it to associated, which says what it is
// and where it belongs: [Key.Decrypt] has to be given the same.
func (k *Key) Encrypt(plaintext, associated []byte) ([]byte, error) {
	ciphertext, err := k.aead.Encrypt(plaintext, associated)
	if err != nil {
		return nil, fmt.Errorf("encrypt key: %w", err)
	}
	return ciphertext, nil
}

// Decrypt is the inverse of [Key.Encrypt]. Fails with [ErrOtherKey] or
// [ErrDamaged].
func (k *Key) Decrypt(ciphertext, associated []byte) ([]byte, error) {
	if len(ciphertext) >= len(k.prefix) && !bytes.HasPrefix(ciphertext, k.prefix) {
		return nil, ErrOtherKey
	}
	plaintext, err := k.aead.Decrypt(ciphertext, associated)
	if err != nil {
		return nil, ErrDamaged
	}
	return plaintext, nil
}

// String implements fmt.Stringer with [secret.Redacted].
func (k *Key) String() string { return secret.Redacted }

// GoString implements fmt.GoStringer with [secret.Redacted].
func (k *Key) GoString() string { return secret.Redacted }

// Format implements fmt.Formatter with [secret.Redacted], whatever the verb.
func (k *Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, secret.Redacted) }

// LogValue implements slog.LogValuer with [secret.Redacted].
func (k *Key) LogValue() slog.Value { return slog.StringValue(secret.Redacted) }

// MarshalText implements encoding.TextMarshaler with [secret.Redacted].
func (k *Key) MarshalText() ([]byte, error) { return []byte(secret.Redacted), nil }

// parse reads the base64 of a key. Its errors show nothing of the text.
func parse(text []byte) (*Key, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(raw) != size {
		return nil, fmt.Errorf("want %d random bytes in base64, as of: openssl rand -base64 %d", size, size)
	}
	if bytes.Equal(raw, make([]byte, size)) {
		return nil, errors.New("the key is all zeros: want random bytes")
	}
	return newKey(raw)
}

func newKey(raw []byte) (*Key, error) {
	id, err := idOf(raw)
	if err != nil {
		return nil, err
	}
	parameters, err := xchacha20poly1305.NewParameters(xchacha20poly1305.VariantTink)
	if err != nil {
		return nil, fmt.Errorf("describe key: %w", err)
	}
	key, err := xchacha20poly1305.NewKey(
		secretdata.NewBytesFromData(raw, insecuresecretdataaccess.Token{}), id, parameters)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	manager := keyset.NewManager()
	if _, err := manager.AddKey(key); err != nil {
		return nil, fmt.Errorf("add key to keyset: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("set primary key: %w", err)
	}
	handle, err := manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("make keyset: %w", err)
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return &Key{aead: primitive, prefix: key.OutputPrefix()}, nil
}

// idOf derives the id of a key, never 0, which tells nothing about the key
// (RFC 5869).
func idOf(raw []byte) (uint32, error) {
	id, err := hkdf.Key(sha256.New, raw, nil, idLabel, 4)
	if err != nil {
		return 0, fmt.Errorf("derive key id: %w", err)
	}
	return max(1, binary.BigEndian.Uint32(id)), nil
}
