package coherent

import (
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// A compact table answers as a map does, whatever was joined and has run out, and
// gives back the room of what is gone.
func TestCompactIsAMap(t *testing.T) {
	type held struct{ version, until int64 }
	rapid.Check(t, func(t *rapid.T) {
		r := &room{limit: 1 << 30}
		c, model := newCompact(r, KindGrant, 16), map[[16]byte]held{}
		key := rapid.Custom(func(t *rapid.T) (k [16]byte) {
			binary.BigEndian.PutUint16(k[:], rapid.Uint16Range(0, 2000).Draw(t, "key"))
			return k
		})
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			for _, k := range rapid.SliceOfN(key, 0, 800).Draw(t, "keys") {
				v := held{rapid.Int64Range(1, 9).Draw(t, "version"), rapid.Int64Range(1, 30).Draw(t, "until")}
				c.join(k, "", versioned[none]{version: v.version, until: v.until * 1e6})
				model[k] = held{max(model[k].version, v.version), max(model[k].until, v.until)}
			}
			now := rapid.Int64Range(0, 31).Draw(t, "now")
			c.expire(now * 1e6)
			for k, v := range model {
				if v.until < now {
					delete(model, k)
				}
			}
			for n := range uint16(2001) {
				var k [16]byte
				binary.BigEndian.PutUint16(k[:], n)
				version, ok := c.find(k)
				want, found := model[k]
				if ok != found || version != want.version {
					t.Fatalf("find(%d) = %d, %t, want %d, %t", n, version, ok, want.version, found)
				}
			}
			if got := r.used.Load(); got != int64(len(model))*price || r.entries.Load() != int64(len(model)) {
				t.Fatalf("%d bytes for %d entries", got, len(model))
			}
		}
	})
}

// What an entry is priced at is more than it takes.
func TestN308_AnEntryTakesNoMoreThanItsPrice(t *testing.T) {
	const entries = 500_000
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	s := NewState(0)
	before := heap()
	for range entries {
		if !s.Join(ended, Grant(uuid.New(), 1).Of("client")) {
			if s.Unknown("client") {
				t.Fatal("beyond the share of a client")
			}
			t.Fatal("no room")
		}
	}
	if each := (heap() - before) / entries; each > price {
		t.Errorf("%d bytes an entry, want at most %d", each, price)
	}
	runtime.KeepAlive(s)
}

// A clock may be anywhere.
func TestSecondsAreWithinTheirRange(t *testing.T) {
	for at, want := range map[time.Time]uint32{
		{}:                    1,
		time.Unix(0, 1000):    1,
		time.Unix(1000, 0):    1000,
		time.Unix(1000, 1000): 1001,
		time.Unix(1<<32, 0):   1<<32 - 1,
		time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC): 1<<32 - 1,
	} {
		if got := seconds(at.UnixMicro()); got != want {
			t.Errorf("seconds(%s) = %d, want %d", at, got, want)
		}
	}
}
