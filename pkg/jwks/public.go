package jwks

import (
	"crypto"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// ErrInvalidKeySet is returned for a JWK Set that a client may not register.
// The text around it says why, and is fit to be shown to the client.
var ErrInvalidKeySet = errors.New("invalid jwks")

// Limits of a client's JWK Set, and of a kid in it.
const (
	MaxSetLength = 64 << 10 // bytes
	MaxSetKeys   = 20
	maxKIDLength = 256 // bytes
)

// PublicSet is the keys a client has registered. The zero value is empty and
// verifies nothing. It never changes and is safe for concurrent use.
type PublicSet struct{ keys []publicKey }

type publicKey struct {
	kid string
	alg Alg
	key crypto.PublicKey
}

// ParsePublicSet reads the jwks of a client (RFC 7591 §2, RFC 7517 §5): 1 to
// [MaxSetKeys] public keys for signatures, each with an alg, and with a kid if
// there are several. A key that cannot be used is refused rather than ignored,
// so that its owner hears of it. Fails with [ErrInvalidKeySet].
func ParsePublicSet(doc []byte) (PublicSet, error) {
	if len(doc) > MaxSetLength {
		return PublicSet{}, fmt.Errorf("%w: longer than %d bytes", ErrInvalidKeySet, MaxSetLength)
	}
	set, err := ParseOwnSet(doc)
	if n := len(set.keys); err == nil && (n == 0 || n > MaxSetKeys) {
		return PublicSet{}, fmt.Errorf("%w: %d keys, want 1 to %d", ErrInvalidKeySet, n, MaxSetKeys)
	}
	return set, err
}

// ParseOwnSet reads what [Set.Public] made, however many keys that has: with
// frequent rotation it has all whose signatures may still be out there. Fails with
// [ErrInvalidKeySet].
func ParseOwnSet(doc []byte) (PublicSet, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(doc, &raw); err != nil {
		return PublicSet{}, fmt.Errorf("%w: not a JWK Set", ErrInvalidKeySet)
	}
	var set PublicSet
	for i, encoded := range raw.Keys {
		key, err := parsePublicKey(encoded)
		if err != nil {
			return PublicSet{}, fmt.Errorf("%w: key %d: %w", ErrInvalidKeySet, i+1, err)
		}
		if slices.ContainsFunc(set.keys, func(other publicKey) bool { return other.kid == key.kid }) {
			return PublicSet{}, fmt.Errorf("%w: key %d: kid is missing or comes twice", ErrInvalidKeySet, i+1)
		}
		set.keys = append(set.keys, key)
	}
	return set, nil
}

func parsePublicKey(encoded []byte) (publicKey, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(encoded, &members); err != nil {
		return publicKey{}, errors.New("not a JSON object with distinct members")
	}
	// RFC 7518 §6.2.2, §6.3.2, §6.4.1.
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		if _, ok := members[name]; ok {
			return publicKey{}, errors.New("has a private or symmetric part: register public keys only, and replace this one")
		}
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(encoded); err != nil {
		return publicKey{}, errors.New("not an RSA or EC public key")
	}
	if jwk.Use != "" && jwk.Use != "sig" {
		return publicKey{}, errors.New(`use is not "sig"`)
	}
	if len(jwk.KeyID) > maxKIDLength {
		return publicKey{}, fmt.Errorf("kid is longer than %d bytes", maxKIDLength)
	}
	// Without an alg of its own, a key would leave the choice to the token.
	alg := Alg(jwk.Algorithm)
	if err := checkFits(alg, jwk.Key); err != nil {
		return publicKey{}, err
	}
	return publicKey{kid: jwk.KeyID, alg: alg, key: jwk.Key}, nil
}

// VerifyAssertion returns the claims of an assertion (RFC 7523 §2.2) that a key
// of the set signed with one of algs, the algorithms registered for the client.
// Of the header only alg, which has to be that of the key, and kid, which picks
// among the keys of the set, are looked at; without a kid every key of that alg
// is tried. The claims are not checked: see [ParseAssertionClaims]. Fails with
// [ErrInvalidToken].
func (s PublicSet) VerifyAssertion(token string, algs []Alg) (claims []byte, err error) {
	t, err := parse(token)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(algs, t.header.Alg) {
		return nil, invalid("alg is not registered for the client")
	}
	err = invalid("no key of the client fits alg and kid")
	for _, k := range s.keys {
		if k.alg != t.header.Alg || t.header.KID != "" && t.header.KID != k.kid {
			continue
		}
		if claims, err = t.verify(k.key); err == nil {
			return claims, nil
		}
	}
	return nil, err
}
