package coherent

import (
	"maps"
	"sync"
	"sync/atomic"
)

const (
	// price is what an entry takes of the room: a slot, its part of the free ones, and
	// of those that are filled while a shard grows.
	price = 64
	// textPrice is the same for a value of a key that is text, without the text.
	textPrice = 160
	// share is the part of the room that one client may fill, and the part that is kept
	// for what belongs to none: one in so many.
	share = 8
	// maxLost is how many clients may have lost something before everything counts as
	// lost.
	maxLost = 10_000
)

// room counts what all shelves hold together, and how much of it belongs to which
// client. It is safe for concurrent use.
type room struct {
	limit   int64        // of bytes
	used    atomic.Int64 // bytes
	entries atomic.Int64

	mu     sync.Mutex
	number map[string]uint32 // of clients that are charged
	owners []owner           // by number; 0 is nobody
	free   []uint32          // numbers

	// lost is until when, in microseconds of the database's clock, restrictions of a
	// client are missing. Nil where none are. It is replaced, never changed.
	lost atomic.Pointer[map[string]int64]
}

// owner is a client that is charged.
type owner struct {
	client string
	used   int64 // bytes
}

// take reserves bytes, or frees them when negative.
func (r *room) take(bytes int64) bool { return r.takeWithin(r.limit, bytes) }

func (r *room) takeWithin(limit, bytes int64) bool {
	if used := r.used.Add(bytes); bytes <= 0 || used <= limit {
		return true
	}
	r.used.Add(-bytes)
	return false
}

// charge takes the price of an entry for a client, which has a share and leaves the
// reserve alone; or for nobody, if client is empty.
func (r *room) charge(client string) (number uint32, ok bool) {
	if client == "" {
		if ok = r.take(price); ok {
			r.entries.Add(1)
		}
		return 0, ok
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	number, known := r.number[client]
	var used int64
	if known {
		used = r.owners[number].used
	}
	if used+price > r.limit/share || !r.takeWithin(r.limit-r.limit/share, price) {
		return 0, false
	}
	if !known {
		number = r.admit(client)
	}
	r.owners[number].used += price
	r.entries.Add(1)
	return number, true
}

// admit gives a client a number. The lock is held.
func (r *room) admit(client string) (number uint32) {
	if r.number == nil {
		r.number, r.owners = map[string]uint32{}, make([]owner, 1)
	}
	r.used.Add(textPrice + int64(len(client)))
	if last := len(r.free) - 1; last >= 0 {
		number, r.free = r.free[last], r.free[:last]
		r.owners[number] = owner{client: client}
	} else {
		number = uint32(len(r.owners)) //nolint:gosec // there is no room for as many
		r.owners = append(r.owners, owner{client: client})
	}
	r.number[client] = number
	return number
}

// release gives back what charge took.
func (r *room) release(number uint32) {
	r.take(-price)
	r.entries.Add(-1)
	if number == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	o := &r.owners[number]
	if o.used -= price; o.used > 0 {
		return
	}
	r.take(-textPrice - int64(len(o.client)))
	delete(r.number, o.client)
	*o = owner{}
	r.free = append(r.free, number)
}

// client is the one with the number; empty for nobody.
func (r *room) client(number uint32) string {
	if number == 0 {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.owners[number].client
}

// lose notes that a restriction of a client found no room. It reports false when
// too many have lost something for it to be noted.
func (r *room) lose(client string, until int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := map[string]int64{}
	if old := r.lost.Load(); old != nil {
		if (*old)[client] >= until {
			return true
		}
		lost = maps.Clone(*old)
	}
	lost[client] = max(lost[client], until)
	if len(lost) > maxLost {
		return false
	}
	r.lost.Store(&lost)
	return true
}

// hasLost says whether restrictions of the client are missing.
func (r *room) hasLost(client string) bool {
	lost := r.lost.Load()
	if lost == nil {
		return false
	}
	_, ok := (*lost)[client]
	return ok
}

// losers is how many clients have lost something.
func (r *room) losers() int64 {
	lost := r.lost.Load()
	if lost == nil {
		return 0
	}
	return int64(len(*lost))
}

// expire forgets the clients whose lost restrictions have run out.
func (r *room) expire(now int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.lost.Load()
	if old == nil {
		return
	}
	lost := maps.Clone(*old)
	maps.DeleteFunc(lost, func(_ string, until int64) bool { return until < now })
	if len(lost) == 0 {
		r.lost.Store(nil)
		return
	}
	r.lost.Store(&lost)
}
