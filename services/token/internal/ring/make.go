package ring

import (
	"fmt"
	"slices"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/seal"
	"github.com/chancery-auth/chancery/services/token/internal/key"
)

// signer is the signing keys, and the document that publishes them.
type signer struct {
	set      *jwks.Set
	document []byte
}

// newSigner publishes every key of v, with the active one of each algorithm
// before the others: it signs.
func newSigner(v *view) (signer, error) {
	var active, others []jwks.Key
	for i, k := range slices.Backward(v.contents.Keys) {
		switch {
		case k.Purpose == key.Sealing:
		case v.states[i] == key.Active:
			active = append(active, k.Sign)
		default:
			others = append(others, k.Sign)
		}
	}
	set, err := jwks.NewSet(append(active, others...)...)
	if err != nil {
		return signer{}, err
	}
	document, err := set.Public()
	return signer{set, document}, err
}

// newSealer seals under the active sealing key of v, and opens what any of them
// has sealed: one that is next here may be active elsewhere.
func newSealer(v *view, issuer string, p preset.Prefixes) (*credential.Sealer, error) {
	keys := v.sealing()
	ring, err := seal.NewRing(issuer, v.active(key.Sealing).Seal.ID, keys...)
	if err != nil {
		return nil, fmt.Errorf("make key ring: %w", err)
	}
	return credential.NewSealer(ring, p), nil
}

// sealing returns the sealing keys.
func (v *view) sealing() []seal.Key {
	var keys []seal.Key
	for _, k := range v.contents.Keys {
		if k.Purpose == key.Sealing {
			keys = append(keys, k.Seal)
		}
	}
	return keys
}
