package coherent

import (
	"hash/maphash"
	"math"
	"math/bits"
	"slices"
	"sync"
	"time"
)

// compact maps keys of up to 16 bytes to a version. Most of what a replica holds is
// here, so that an entry is one slot of an array without pointers, which the garbage
// collector does not look into. It is safe for concurrent use, and reading allocates
// nothing.
type compact struct {
	room  *room
	kind  Kind
	width int // of the keys, in bytes
	seed  maphash.Seed
	parts [shards]part
}

// part is one shard: a hash table with open addressing and linear probing, at most
// three quarters full.
type part struct {
	mu    sync.RWMutex
	slots []slot
	used  int
	_     [64]byte // keeps two locks off one cache line
}

// slot is 32 bytes.
type slot struct {
	key     [16]byte
	version int64
	until   uint32 // Unix time in seconds, by the database's clock; 0 where the slot is free
	owner   uint32 // whoever is charged, see [owners], and the mark
}

const (
	// marked is the bit of slot.owner that says that the log was seen to have it.
	marked = 1 << 31
	// least is how many slots a shard begins with, and shrinks to.
	least = 8
)

func newCompact(r *room, kind Kind, width int) *compact {
	return &compact{room: r, kind: kind, width: width, seed: maphash.MakeSeed()}
}

// at finds the shard of a key, and where its probing begins, as a part of 2⁶⁴.
func (c *compact) at(key [16]byte) (p *part, hash uint64) {
	hash = maphash.Comparable(c.seed, key)
	return &c.parts[hash%shards], hash
}

// seek returns the slot that has the key, or else the free one where it would go.
func (p *part) seek(key [16]byte, hash uint64) *slot {
	n := len(p.slots)
	for i := home(hash, n); ; i++ {
		if i == n {
			i = 0
		}
		if s := &p.slots[i]; s.until == 0 || s.key == key {
			return s
		}
	}
}

// home is where in n slots the probing begins.
func home(hash uint64, n int) int {
	high, _ := bits.Mul64(hash, uint64(n)) //nolint:gosec // not negative
	return int(high)                       //nolint:gosec // less than n
}

// find returns the version of key, and whether there is an entry.
func (c *compact) find(key [16]byte) (version int64, ok bool) {
	p, hash := c.at(key)
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.used == 0 {
		return 0, false
	}
	s := p.seek(key, hash)
	return s.version, s.until != 0
}

// has says whether there is an entry.
func (c *compact) has(key [16]byte) bool {
	_, ok := c.find(key)
	return ok
}

// epoch is the version of key; 0 where there is no entry.
func (c *compact) epoch(key [16]byte) int64 {
	version, _ := c.find(key)
	return version
}

// join raises the version of key, and charges a new entry to the client, or to
// nobody if that is empty. It reports false, and changes nothing, when there is no
// room.
func (c *compact) join(key [16]byte, client string, v versioned[struct{}]) bool {
	p, hash := c.at(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used > 0 {
		if s := p.seek(key, hash); s.until != 0 {
			s.join(v)
			return true
		}
	}
	owner, ok := c.room.charge(client)
	if !ok {
		return false
	}
	if 4*(p.used+1) > 3*len(p.slots) {
		c.resize(p, max(least, len(p.slots)+len(p.slots)/4))
	}
	s := p.seek(key, hash)
	*s = slot{key: key, owner: owner}
	s.join(v)
	p.used++
	return true
}

// join keeps the mark only of the version that the log was seen to have.
func (s *slot) join(v versioned[struct{}]) {
	if v.version > s.version {
		s.version = v.version
		s.owner &^= marked
	}
	if v.marked && v.version == s.version {
		s.owner |= marked
	}
	s.until = max(s.until, seconds(v.until))
}

// seconds rounds microseconds up. What is too far away for it is as far as can be.
func seconds(micros int64) uint32 {
	whole := micros / 1e6
	if micros%1e6 > 0 {
		whole++
	}
	return uint32(min(max(whole, 1), math.MaxUint32))
}

// resize moves the entries of a shard, which is locked, to n slots.
func (c *compact) resize(p *part, n int) {
	old := p.slots
	p.slots = make([]slot, n)
	for _, s := range old {
		if s.until != 0 {
			_, hash := c.at(s.key)
			*p.seek(s.key, hash) = s
		}
	}
}

func (c *compact) expire(now int64) {
	for i := range c.parts {
		p := &c.parts[i]
		p.mu.Lock()
		for n := 0; n < len(p.slots); {
			if s := p.slots[n]; s.until == 0 || int64(s.until)*1e6 >= now {
				n++
				continue
			}
			c.room.release(p.slots[n].owner &^ marked)
			c.remove(p, n) // which may put another entry there
		}
		if n := max(least, 2*p.used); 4*p.used < len(p.slots) && n < len(p.slots) {
			c.resize(p, n)
		}
		p.mu.Unlock()
	}
}

// remove frees slot i of a shard, which is locked. Those that were pushed behind it
// move up, so that probing finds them.
func (c *compact) remove(p *part, i int) {
	n := len(p.slots)
	p.used--
	for j := i; ; {
		p.slots[i] = slot{}
		for {
			if j++; j == n {
				j = 0
			}
			if p.slots[j].until == 0 {
				return
			}
			_, hash := c.at(p.slots[j].key)
			// The entry stays if its home is behind the free slot, up to where it is.
			if from := home(hash, n); (j-from+n)%n < (j-i+n)%n {
				continue
			}
			break
		}
		p.slots[i] = p.slots[j]
		i = j
	}
}

func (c *compact) unmark() {
	for i := range c.parts {
		p := &c.parts[i]
		p.mu.Lock()
		for n := range p.slots {
			p.slots[n].owner &^= marked
		}
		p.mu.Unlock()
	}
}

func (c *compact) each(shard int, yield func(e Entry, marked bool)) {
	p := &c.parts[shard]
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, s := range p.slots {
		if s.until != 0 {
			yield(entryOf(c.show(s), int64(s.until)*1e6), s.owner&marked != 0)
		}
	}
}

// show turns a slot into a restriction again.
func (c *compact) show(s slot) Restriction {
	r := Restriction{Kind: c.kind, Key: slices.Clone(s.key[:c.width]), Version: s.version}
	if c.kind == KindFamily && s.version == Deleted {
		r.Version = FamilyEnded
	}
	return r.Of(c.room.client(s.owner &^ marked))
}

func entryOf(r Restriction, until int64) Entry { return Entry{r, time.UnixMicro(until)} }
