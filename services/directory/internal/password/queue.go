package password

import (
	"cmp"
	"slices"
	"sync"

	"github.com/chancery-auth/chancery/pkg/ratelimit"
)

// Bounds of a [queue].
const (
	maxWaiting          = 256
	maxWaitingPerSource = 16
)

// queue shares slots among sources. A slot that becomes free goes to the network
// that had its last one the longest ago, and within it to the address block of which
// that holds; there the newest waiter is first, for the oldest is about to give up.
// So a customer with many blocks gets no more turns than one with a single block.
// It is safe for concurrent use.
type queue struct {
	mu      sync.Mutex
	free    int
	turn    uint64 // of the last slot that was given
	arrived uint64 // of the last waiter that came
	// waiting are in the order of their coming.
	waiting []*waiter
	// shares are of those that wait or have a slot.
	shares map[string]*share
}

// share is what an address block, or a network, has of the slots.
type share struct {
	last uint64 // turn of its last slot, 0 for none
	uses int    // waiters and slots
}

// waiter is a call that wants a slot.
type waiter struct {
	arrived        uint64
	block, network string // of shares
	// given is closed with the slot, or with a refusal.
	given   chan struct{}
	refused bool
}

func newQueue(slots int) *queue { return &queue{free: slots, shares: make(map[string]*share)} }

// join queues a call from an address block. Its channel is closed at once where a
// slot is free. Where there is no room, the waiter that would be served last is
// refused: it can be this one.
func (q *queue) join(block string) *waiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.arrived++
	w := &waiter{
		arrived: q.arrived, block: block, network: "of " + cmp.Or(ratelimit.Network(block), block), given: make(chan struct{}),
	}
	q.use(w, 1)
	q.waiting = append(q.waiting, w)
	if q.free > 0 {
		q.free--
		q.give(w)
		return w
	}
	var same []*waiter
	for _, other := range q.waiting {
		if other.block == block {
			same = append(same, other)
		}
	}
	switch {
	case len(same) > maxWaitingPerSource:
		q.refuse(same[0])
	case len(q.waiting) > maxWaiting:
		q.refuse(slices.MaxFunc(q.waiting, q.order))
	}
	return w
}

// leave takes a waiter out that gives up. It reports false when the waiter was
// given an answer meanwhile.
func (q *queue) leave(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !slices.Contains(q.waiting, w) {
		return false
	}
	q.refuse(w)
	return true
}

// release takes back the slot that w was given, and gives it to the next one.
func (q *queue) release(w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.use(w, -1)
	if len(q.waiting) == 0 {
		q.free++
		return
	}
	q.give(slices.MinFunc(q.waiting, q.order))
}

// order says which of two waiters is served first.
func (q *queue) order(a, b *waiter) int {
	return cmp.Or(
		cmp.Compare(q.shares[a.network].last, q.shares[b.network].last),
		cmp.Compare(q.shares[a.block].last, q.shares[b.block].last),
		cmp.Compare(b.arrived, a.arrived),
	)
}

// give lets w have a slot.
func (q *queue) give(w *waiter) {
	q.turn++
	q.shares[w.block].last, q.shares[w.network].last = q.turn, q.turn
	q.take(w)
	close(w.given)
}

// refuse lets w have none.
func (q *queue) refuse(w *waiter) {
	w.refused = true
	q.take(w)
	q.use(w, -1)
	close(w.given)
}

// take takes w out of those that wait.
func (q *queue) take(w *waiter) {
	q.waiting = slices.DeleteFunc(q.waiting, func(other *waiter) bool { return other == w })
}

// use counts the uses of the shares of w. One without any is forgotten.
func (q *queue) use(w *waiter, more int) {
	for _, name := range []string{w.block, w.network} {
		s, ok := q.shares[name]
		if !ok {
			s = &share{}
			q.shares[name] = s
		}
		if s.uses += more; s.uses == 0 {
			delete(q.shares, name)
		}
	}
}
