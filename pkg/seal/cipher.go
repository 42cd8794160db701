package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/xchacha20poly1305"
	"github.com/tink-crypto/tink-go/v2/daead"
	"github.com/tink-crypto/tink-go/v2/daead/aessiv"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/key"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"
)

const (
	// version is that of the format, and the first byte of the associated data.
	version = 1

	label = "chancery/seal/v1/"
	// deterministicSuffix keeps the two ciphers of a kind on unrelated keys.
	// With one label the shorter key would be the beginning of the longer.
	deterministicSuffix = "/deterministic"

	randomisedKeySize    = 32
	deterministicKeySize = 64
)

// cipher seals and opens the values of one kind under one key.
type cipher struct {
	randomised    tink.AEAD
	deterministic tink.DeterministicAEAD
	associated    []byte
}

func newCipher(kind Kind, issuer string, k Key) (*cipher, error) {
	randomised, err := newRandomised(kind, k)
	if err != nil {
		return nil, err
	}
	deterministic, err := newDeterministic(kind, k)
	if err != nil {
		return nil, err
	}
	return &cipher{randomised, deterministic, associatedData(kind, issuer, k.ID)}, nil
}

// associatedData is unambiguous: a kind has no zero byte, and what follows the
// issuer has a fixed length.
func associatedData(kind Kind, issuer string, keyID uint32) []byte {
	data := append([]byte{version}, kind...)
	data = append(data, 0)
	data = append(data, issuer...)
	return binary.BigEndian.AppendUint32(data, keyID)
}

func newRandomised(kind Kind, k Key) (tink.AEAD, error) {
	raw, err := derive(k, label+string(kind), randomisedKeySize)
	if err != nil {
		return nil, err
	}
	parameters, err := xchacha20poly1305.NewParameters(xchacha20poly1305.VariantTink)
	if err != nil {
		return nil, fmt.Errorf("describe randomised key: %w", err)
	}
	cipherKey, err := xchacha20poly1305.NewKey(raw, k.ID, parameters)
	if err != nil {
		return nil, fmt.Errorf("make randomised key: %w", err)
	}
	handle, err := keysetOf(cipherKey, k.ID)
	if err != nil {
		return nil, err
	}
	return aead.New(handle)
}

func newDeterministic(kind Kind, k Key) (tink.DeterministicAEAD, error) {
	raw, err := derive(k, label+string(kind)+deterministicSuffix, deterministicKeySize)
	if err != nil {
		return nil, err
	}
	parameters, err := aessiv.NewParameters(deterministicKeySize, aessiv.VariantTink)
	if err != nil {
		return nil, fmt.Errorf("describe deterministic key: %w", err)
	}
	cipherKey, err := aessiv.NewKey(raw, k.ID, parameters)
	if err != nil {
		return nil, fmt.Errorf("make deterministic key: %w", err)
	}
	handle, err := keysetOf(cipherKey, k.ID)
	if err != nil {
		return nil, err
	}
	return daead.New(handle)
}

// derive returns size bytes that depend on the root and on info (RFC 5869).
func derive(k Key, info string, size int) (secretdata.Bytes, error) {
	raw, err := hkdf.Key(sha256.New, k.Root[:], nil, info, size)
	if err != nil {
		return secretdata.Bytes{}, fmt.Errorf("derive key: %w", err)
	}
	return secretdata.NewBytesFromData(raw, insecuresecretdataaccess.Token{}), nil
}

// keysetOf returns the Tink keyset whose only key is k.
func keysetOf(k key.Key, id uint32) (*keyset.Handle, error) {
	manager := keyset.NewManager()
	if _, err := manager.AddKey(k); err != nil {
		return nil, fmt.Errorf("add key to keyset: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("set primary key: %w", err)
	}
	return manager.Handle()
}
