package coherent

import (
	"hash/maphash"
	"slices"
	"sync"
)

// shards is how many locks a table has: readers of different keys rarely meet,
// and dropping what has run out stops only a part of them at a time.
const shards = 64

// shelf is a part of a state, whatever its keys and values are.
type shelf interface {
	// expire drops whatever was to be kept until before now.
	expire(now int64)
	// unmark forgets what the log was seen to have.
	unmark()
	// each yields every entry of one shard, and whether it is marked. Yield must not
	// use the shelf.
	each(shard int, yield func(e Entry, marked bool))
}

// table maps keys that are text to what restricts them, in order of versions. It
// is safe for concurrent use, and reading allocates nothing.
type table[K, V comparable] struct {
	room *room
	// size is how long the text of a key and value is, in bytes.
	size func(K, V) int64
	// meet is the value that binds as both do.
	meet func(a, b V) V
	// show turns what is kept into a restriction again.
	show  func(K, versioned[V]) Restriction
	seed  maphash.Seed
	parts [shards]struct {
		mu sync.RWMutex
		m  map[K][]versioned[V]
		_  [32]byte // keeps two locks off one cache line
	}
}

// versioned is a value that binds what was sealed before version.
type versioned[V comparable] struct {
	version int64
	value   V
	// until is when, in microseconds of the database's clock, no living token can be
	// concerned any more.
	until int64
	// marked says that the log was seen to have it.
	marked bool
}

func newTable[K, V comparable](
	r *room, size func(K, V) int64, meet func(a, b V) V, show func(K, versioned[V]) Restriction,
) *table[K, V] {
	t := &table[K, V]{room: r, size: size, meet: meet, show: show, seed: maphash.MakeSeed()}
	for i := range t.parts {
		t.parts[i].m = map[K][]versioned[V]{}
	}
	return t
}

// find returns what restricts key. It does not change.
func (t *table[K, V]) find(key K) []versioned[V] {
	p := &t.parts[maphash.Comparable(t.seed, key)%shards]
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.m[key]
}

// latest is the greatest version of key; 0 where nothing restricts it.
func (t *table[K, V]) latest(key K) int64 {
	list := t.find(key)
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1].version
}

// join adds a value to those of key. It reports false, and changes nothing, when
// there is no room.
func (t *table[K, V]) join(key K, v versioned[V]) bool {
	p := &t.parts[maphash.Comparable(t.seed, key)%shards]
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.m[key]
	list := t.with(old, v)
	if !t.room.take(t.cost(key, list) - t.cost(key, old)) {
		return false
	}
	t.room.entries.Add(int64(len(list) - len(old)))
	p.m[key] = list
	return true
}

// maxVersions is how many values a key has at most. Beyond that the oldest two
// become one that binds as both do, for all that either concerns: changed that
// often, a client loses more than it had to, and nobody else anything.
const maxVersions = 32

// with returns list with v in it, and without what another value implies: one of a
// greater version that allows no more. It copies, because readers hold the old list
// without a lock.
func (t *table[K, V]) with(list []versioned[V], v versioned[V]) []versioned[V] {
	kept := make([]versioned[V], 0, len(list)+1)
	for i, old := range list {
		switch {
		case t.implies(old, v):
			kept = slices.Clone(list)
			kept[i].until = max(old.until, v.until)
			kept[i].marked = old.marked || v.marked && v.version == old.version
			return kept
		case t.implies(v, old):
			v.until = max(v.until, old.until)
		default:
			kept = append(kept, old)
		}
	}
	at, _ := slices.BinarySearchFunc(kept, v.version, func(old versioned[V], version int64) int {
		return int(min(max(old.version-version, -1), 1))
	})
	kept = slices.Insert(kept, at, v)
	if len(kept) > maxVersions {
		a, b := kept[0], kept[1]
		kept = kept[1:]
		kept[0] = versioned[V]{b.version, t.meet(a.value, b.value), max(a.until, b.until), false}
	}
	return kept
}

// implies says whether b takes nothing away that a leaves.
func (t *table[K, V]) implies(a, b versioned[V]) bool {
	return a.version >= b.version && t.meet(a.value, b.value) == a.value
}

// cost is what the values of a key take of the room, in bytes.
func (t *table[K, V]) cost(key K, list []versioned[V]) (bytes int64) {
	for _, v := range list {
		bytes += textPrice + t.size(key, v.value)
	}
	return bytes
}

func (t *table[K, V]) expire(now int64) {
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.Lock()
		for key, list := range p.m {
			kept := slices.DeleteFunc(slices.Clone(list), func(v versioned[V]) bool { return v.until < now })
			if len(kept) == len(list) {
				continue
			}
			t.room.take(t.cost(key, kept) - t.cost(key, list))
			t.room.entries.Add(int64(len(kept) - len(list)))
			p.m[key] = kept
			if len(kept) == 0 {
				delete(p.m, key)
			}
		}
		p.mu.Unlock()
	}
}

func (t *table[K, V]) unmark() {
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.Lock()
		for key, list := range p.m {
			list = slices.Clone(list)
			for n := range list {
				list[n].marked = false
			}
			p.m[key] = list
		}
		p.mu.Unlock()
	}
}

func (t *table[K, V]) each(shard int, yield func(e Entry, marked bool)) {
	p := &t.parts[shard]
	p.mu.RLock()
	defer p.mu.RUnlock()
	for key, list := range p.m {
		for _, v := range list {
			yield(entryOf(t.show(key, v), v.until), v.marked)
		}
	}
}
