package coherent

import (
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
)

// shards is how many locks a table has: readers of different keys rarely meet,
// and dropping what is over stops only a part of them at a time.
const shards = 64

// table maps keys to what restricts them. It is safe for concurrent use, and
// reading allocates nothing.
type table[K comparable, V any] struct {
	room  *room
	size  func(K, V) int64 // of an entry, in bytes
	seed  maphash.Seed
	parts [shards]struct {
		mu sync.RWMutex
		m  map[K]entry[V]
		_  [32]byte // keeps two locks off one cache line
	}
}

// entry is the value of a key and the instant, in microseconds of the database
// clock, after which no living token can be concerned.
type entry[V any] struct {
	value     V
	keepUntil int64
}

func newTable[K comparable, V any](r *room, size func(K, V) int64) *table[K, V] {
	t := &table[K, V]{room: r, size: size, seed: maphash.MakeSeed()}
	for i := range t.parts {
		t.parts[i].m = map[K]entry[V]{}
	}
	return t
}

func (t *table[K, V]) find(key K) (V, bool) {
	p := &t.parts[maphash.Comparable(t.seed, key)%shards]
	p.mu.RLock()
	defer p.mu.RUnlock()
	e, ok := p.m[key]
	return e.value, ok
}

// join merges a value into that of key, the zero value if there is none. It
// reports false, and changes nothing, when there is no room.
func (t *table[K, V]) join(key K, keepUntil int64, merge func(old V) V) bool {
	p := &t.parts[maphash.Comparable(t.seed, key)%shards]
	p.mu.Lock()
	defer p.mu.Unlock()
	old, found := p.m[key]
	value := merge(old.value)
	grown := t.size(key, value)
	if found {
		grown -= t.size(key, old.value)
	}
	if !t.room.take(grown) {
		return false
	}
	if !found {
		t.room.entries.Add(1)
	}
	p.m[key] = entry[V]{value, max(old.keepUntil, keepUntil)}
	return true
}

// each yields every entry. The table must not be used by yield.
func (t *table[K, V]) each(yield func(key K, value V, keepUntil int64)) {
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.RLock()
		for key, e := range p.m {
			yield(key, e.value, e.keepUntil)
		}
		p.mu.RUnlock()
	}
}

// expire drops every entry that was to be kept until before now.
func (t *table[K, V]) expire(now int64) {
	for i := range t.parts {
		p := &t.parts[i]
		p.mu.Lock()
		for key, e := range p.m {
			if e.keepUntil < now {
				t.room.take(-t.size(key, e.value))
				t.room.entries.Add(-1)
				delete(p.m, key)
			}
		}
		p.mu.Unlock()
	}
}

// room counts what all tables hold together.
type room struct {
	limit   int64        // of bytes
	used    atomic.Int64 // bytes
	entries atomic.Int64
}

// take reserves bytes, or frees them when negative.
func (r *room) take(bytes int64) bool {
	if used := r.used.Add(bytes); bytes <= 0 || used <= r.limit {
		return true
	}
	r.used.Add(-bytes)
	return false
}

// versioned is a value that binds what was sealed before version.
type versioned[T comparable] struct {
	version int64
	value   T
}

// with returns list with v in it. It copies, because readers hold the old list
// without a lock.
func with[T comparable](list []versioned[T], v versioned[T]) []versioned[T] {
	if slices.Contains(list, v) {
		return list
	}
	return append(slices.Clip(list), v)
}
