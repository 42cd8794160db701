package coherent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// ErrStale is returned when nobody can say now whether something was taken
// away. The caller answers "unavailable, try again", never "active".
var ErrStale = errors.New("restrictions are not known to be current")

const (
	// drift bounds the error of the rate of a clock (a
	// thousandth is generous). The bound is shortened by it.
	drift = 1e-3
	// unreadyAfter is how long past its lease a replica still counts as ready.
	unreadyAfter = 2 * time.Second

	maxWaiters  = 256
	waitTimeout = 400 * time.Millisecond
)

// Options adjusts a [Replica]. A zero field means its default.
type Options struct {
	// Bound is δ: what was acknowledged longer ago than this is known to every
	// permissive answer. Default 5 s.
	Bound time.Duration
	// Period is the time between two polls. Default 250 ms.
	Period time.Duration
	// PollTimeout ends a poll that takes longer. Default 1.5 s.
	PollTimeout time.Duration
	// Pause is π: how long the whole machine may stand still without any of its
	// clocks noticing. It is taken off the bound. Default 1 s.
	Pause time.Duration
	// Clock reads the time since any fixed point, and goes on during suspend.
	// Default CLOCK_BOOTTIME where there is one.
	Clock func() time.Duration
	// Wall reads the time of day as an interval since the Unix epoch. It may be
	// wrong and may jump; it can only make a lease lapse, and the database's clock be
	// disbelieved. Default CLOCK_REALTIME.
	Wall func() time.Duration
	// Log is told when polls begin to fail, and when they succeed again.
	// Default: nobody.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	setDefault(&o.Bound, 5*time.Second)
	setDefault(&o.Period, 250*time.Millisecond)
	setDefault(&o.PollTimeout, 1500*time.Millisecond)
	setDefault(&o.Pause, time.Second)
	if o.Clock == nil {
		o.Clock = bootClock
	}
	if o.Wall == nil {
		o.Wall = wallClock
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// Replica decides whether the state is recent enough for a permissive answer.
// All methods are safe for concurrent use, but [Replica.Run] is called once.
type Replica struct {
	source Source
	state  *State
	o      Options
	clocks Clocks
	usable time.Duration // the age below which a lease holds

	lease   atomic.Pointer[Instant] // nil until loaded
	waiters atomic.Int64
	nudge   chan struct{} // asks for a poll now; holds one request for all

	mu      sync.Mutex
	renewed chan struct{} // closed at the next renewal of the lease

	counters counters
	feed     feed // of Run alone
}

// New returns a replica that keeps state current from source once
// [Replica.Run] is called. The bound must be longer than the pause.
func New(source Source, state *State, o Options) *Replica {
	o = o.withDefaults()
	return &Replica{
		source:  source,
		state:   state,
		o:       o,
		clocks:  Clocks{o.Clock, o.Wall},
		usable:  time.Duration(float64(o.Bound-o.Pause)*(1-drift)) + 1,
		nudge:   make(chan struct{}, 1),
		renewed: make(chan struct{}),
	}
}

// Check runs eval on the state and returns nil when its verdict may be
// answered. Eval reports whether it permits anything: a verdict that forbids
// needs no lease, since restrictions only grow. A permissive one needs a lease
// within the bound; when there is none, callers together wait a moment for one
// more poll, and eval runs again. Eval may therefore run twice, and sets its
// result anew each time.
//
// Fails with ErrStale. The result of eval must not be used then.
func (r *Replica) Check(ctx context.Context, eval func(*State) (permissive bool)) error {
	if r.settled(eval) {
		return nil
	}
	if r.awaitRenewal(ctx) && r.settled(eval) {
		return nil
	}
	r.counters.stale.Add(1)
	return ErrStale
}

// Nudge asks for a poll now, for a caller who knows or suspects that there is
// something to read. It does not wait. However often it is called, polls keep
// their distance.
func (r *Replica) Nudge() {
	select {
	case r.nudge <- struct{}{}:
	default: // somebody has asked already
	}
}

// settled reads the lease first, then the clock, then the state. In any other
// order a restriction could arrive unseen between the reading of the state and
// the poll that the lease is from.
func (r *Replica) settled(eval func(*State) bool) bool {
	l := r.lease.Load()
	fresh := r.fresh(l)
	permissive := eval(r.state)
	return !permissive || fresh
}

func (r *Replica) fresh(l *Instant) bool { return l != nil && r.clocks.Within(*l, r.usable) }

// awaitRenewal asks for a poll and waits until the lease is renewed. All who
// wait share one poll; no more than maxWaiters do, so that a database that
// does not answer cannot pile up requests.
func (r *Replica) awaitRenewal(ctx context.Context) bool {
	defer r.waiters.Add(-1)
	if r.waiters.Add(1) > maxWaiters {
		return false
	}
	renewed := r.nextRenewal()
	r.Nudge()
	timeout := time.NewTimer(waitTimeout)
	defer timeout.Stop()
	select {
	case <-renewed:
		return true
	case <-timeout.C:
		return false
	case <-ctx.Done():
		return false
	}
}

func (r *Replica) nextRenewal() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.renewed
}

// renew stores the lease. Whatever it vouches for has been joined by now.
func (r *Replica) renew(l Instant) {
	r.lease.Store(&l)
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.renewed)
	r.renewed = make(chan struct{})
}

// Ready says whether requests should be sent here rather than to another
// replica: it has loaded, and its lease has not lapsed for long. One that is
// not ready still answers what it can answer without a lease.
func (r *Replica) Ready() bool {
	l := r.lease.Load()
	return l != nil && r.o.Clock()-l.boot < r.usable+unreadyAfter
}

// LeaseAge is the time since the state was last known to be complete. It is
// the greatest duration there is before the first load.
func (r *Replica) LeaseAge() time.Duration {
	l := r.lease.Load()
	if l == nil {
		return 1<<63 - 1
	}
	return r.o.Clock() - l.boot
}

// Clocks are those that the lease goes by.
func (r *Replica) Clocks() Clocks { return r.clocks }

// Bound is the bound in force, for metadata.
func (r *Replica) Bound() time.Duration { return r.o.Bound }

// State returns the state that the replica keeps.
func (r *Replica) State() *State { return r.state }
