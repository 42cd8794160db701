package jwks

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// ErrNoKey is returned if the set has no key that signs with an algorithm.
var ErrNoKey = errors.New("no signing key for the algorithm")

// Set is our signing keys. For each algorithm the first key listed signs; all
// of them are published and verify. A set never changes and is safe for
// concurrent use; rotation makes a new one.
type Set struct{ keys []Key }

// NewSet makes a set of at least one key. It fails if a key comes twice.
func NewSet(keys ...Key) (*Set, error) {
	if len(keys) == 0 {
		return nil, errors.New("make key set: no keys")
	}
	for i, k := range keys {
		if k.private == nil {
			return nil, errors.New("make key set: a key is empty")
		}
		if slices.ContainsFunc(keys[:i], func(other Key) bool { return other.kid == k.kid }) {
			return nil, fmt.Errorf("make key set: key %s comes twice", k.kid)
		}
	}
	return &Set{keys: slices.Clone(keys)}, nil
}

// Algs returns the algorithms the set signs with, in the order of its keys.
func (s *Set) Algs() []Alg {
	var algs []Alg
	for _, k := range s.keys {
		if !slices.Contains(algs, k.alg) {
			algs = append(algs, k.alg)
		}
	}
	return algs
}

// Public returns the JWK Set that we publish (RFC 7517 §5), without any
// private member.
func (s *Set) Public() ([]byte, error) {
	var doc jose.JSONWebKeySet
	for _, k := range s.keys {
		doc.Keys = append(doc.Keys, k.public())
	}
	encoded, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("marshal key set: %w", err)
	}
	return encoded, nil
}

// Sign returns claims, as encoding/json writes them, in a JWS in compact form
// whose header has alg, kid and typ. Fails with [ErrNoKey].
func (s *Set) Sign(alg Alg, typ Typ, claims any) (string, error) {
	i := slices.IndexFunc(s.keys, func(k Key) bool { return k.alg == alg })
	if i < 0 {
		return "", fmt.Errorf("%w %q", ErrNoKey, string(alg))
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("marshal claims: %w", err)
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{
			Algorithm: jose.SignatureAlgorithm(alg),
			Key:       jose.JSONWebKey{Key: s.keys[i].private, KeyID: s.keys[i].kid},
		},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", fmt.Errorf("make signer: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign claims: %w", err)
	}
	return signed.CompactSerialize()
}

// Verify returns the claims of a JWT that [Set.Sign] made, and the kid of its
// key. Only signature, key, algorithm and typ are checked: an id_token_hint,
// for one, may have expired. Fails with [ErrInvalidToken].
func (s *Set) Verify(typ Typ, token string) (claims []byte, kid string, err error) {
	t, err := parse(token)
	if err != nil {
		return nil, "", err
	}
	if t.header.Typ != typ {
		return nil, "", invalid("typ is not %q", string(typ))
	}
	i := slices.IndexFunc(s.keys, func(k Key) bool { return k.kid == t.header.KID })
	if i < 0 {
		return nil, "", invalid("kid is unknown")
	}
	key := s.keys[i]
	if t.header.Alg != key.alg {
		return nil, "", invalid("alg is not that of the key")
	}
	claims, err = t.verify(key.private.Public())
	return claims, key.kid, err
}
