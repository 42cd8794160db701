package seal_test

import (
	"bytes"
	"testing"

	"github.com/chancery-auth/chancery/pkg/seal"
)

// Nothing opens except what was sealed. The ring is new in each process, so
// the input is what to do to a sealed value: XOR mask at that offset, cut the
// tail, append the mask.
func FuzzOpen(f *testing.F) {
	r := newRing(f)
	random := mustSeal(f, r, seal.AccessToken)
	fixed := mustSealDeterministic(f, r, seal.RefreshToken, r.Primary())
	f.Add([]byte{}, uint16(0), uint16(0), false)
	f.Add([]byte{1}, uint16(5), uint16(0), false)
	f.Add([]byte{0}, uint16(0), uint16(1), true)
	f.Fuzz(func(t *testing.T, mask []byte, at, cut uint16, extend bool) {
		for _, c := range []struct {
			kind   seal.Kind
			sealed []byte
			open   opener
		}{
			{seal.AccessToken, random, r.Open},
			{seal.RefreshToken, fixed, r.OpenDeterministic},
		} {
			changed := change(c.sealed, mask, at, cut)
			if extend {
				changed = append(changed, mask...)
			}
			got, _, err := c.open(c.kind, changed)
			if same := bytes.Equal(changed, c.sealed); same != (err == nil) || same != bytes.Equal(got, payload) {
				t.Errorf("open(%x) = %q, %v; sealed was %x", changed, got, err, c.sealed)
			}
			if _, _, err := c.open(c.kind, mask); err == nil {
				t.Errorf("open(%x) succeeds", mask)
			}
		}
	})
}

func change(sealed, mask []byte, at, cut uint16) []byte {
	changed := bytes.Clone(sealed)
	for i, b := range mask {
		if n := int(at) + i; n < len(changed) {
			changed[n] ^= b
		}
	}
	return changed[:max(0, len(changed)-int(cut))]
}
