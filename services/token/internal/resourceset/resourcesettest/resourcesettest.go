// Package resourcesettest says what every store of resource sets must do.
package resourcesettest

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset"
)

// RunStore checks a store. open returns a function that opens stores of any keeping
// time on one empty database, and cleans up with t.Cleanup.
func RunStore(t *testing.T, open func(t *testing.T) func(keep time.Duration) *resourceset.Store) {
	t.Run("a set is found by its digest, byte for byte", func(t *testing.T) {
		s := open(t)(time.Hour)
		for _, set := range [][]byte{{}, {0}, []byte("one"), bytes.Repeat([]byte{0xff, 0}, 100_000)} {
			found(t, s, put(t, s, set), set)
		}
		missing(t, s, resourceset.DigestOf([]byte("never put")))
	})
	t.Run("16 put one set at once", func(t *testing.T) {
		s := open(t)(time.Hour)
		storetest.AtOnce(16, func(int) { put(t, s, []byte("one")) })
		found(t, s, resourceset.DigestOf([]byte("one")), []byte("one"))
	})
	t.Run("sweeping forgets what was not put again", func(t *testing.T) {
		at := open(t)
		kept, over, again := put(t, at(time.Hour), []byte("kept")), put(t, at(-time.Hour), []byte("over")), put(t, at(-time.Hour), []byte("again"))
		// Before the sweep, and so for as long as if it had been new.
		put(t, at(time.Hour), []byte("again"))
		// An earlier end does not replace a later one.
		put(t, at(-time.Hour), []byte("kept"))
		if _, err := sweeptest.All(t.Context(), at(time.Hour).Sweeps()...); err != nil {
			t.Fatal(err)
		}
		found(t, at(time.Hour), kept, []byte("kept"))
		found(t, at(time.Hour), again, []byte("again"))
		missing(t, at(time.Hour), over)
	})
}

func put(t *testing.T, s *resourceset.Store, set []byte) resourceset.Digest {
	t.Helper()
	d, err := s.Put(t.Context(), set)
	if err != nil || d != resourceset.DigestOf(set) {
		t.Errorf("Put() = %x, %v, want %x", d, err, resourceset.DigestOf(set))
	}
	return d
}

func found(t *testing.T, s *resourceset.Store, d resourceset.Digest, want []byte) {
	t.Helper()
	if got, err := s.Find(t.Context(), d); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Find() = %d bytes, %v, want %d bytes", len(got), err, len(want))
	}
}

func missing(t *testing.T, s *resourceset.Store, d resourceset.Digest) {
	t.Helper()
	if _, err := s.Find(t.Context(), d); !errors.Is(err, resourceset.ErrNotFound) {
		t.Errorf("Find() = %v, want ErrNotFound", err)
	}
}
