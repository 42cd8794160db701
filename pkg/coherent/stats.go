package coherent

import (
	"sync/atomic"
	"time"
)

// Stats is what a [Replica] counts and measures. Counters begin with the
// process.
type Stats struct {
	// LeaseAge is [Replica.LeaseAge].
	LeaseAge time.Duration
	// Polls counts loads and polls, FailedPolls those among them after which the
	// lease was not renewed, and PollRows the restrictions that they brought.
	Polls, FailedPolls, PollRows int64
	// IdentityChanges counts how often another database, or another life of the
	// same, began to answer.
	IdentityChanges int64
	// Reconciled counts restrictions written back to a database that had lost
	// them.
	Reconciled int64
	// Stale counts checks that failed with [ErrStale].
	Stale int64
	// LastPoll is how long the last load or poll took that came back whole.
	LastPoll time.Duration
	// Restrictions is how many the state holds, in Bytes of memory.
	Restrictions, Bytes int64
	// LostClients is how many clients have restrictions that found no room.
	LostClients int64
	// Loaded is the part of the log that the last load has read, 0 to 1.
	Loaded float64
	// ClockOffset is how far the database's clock is ahead of this machine's.
	ClockOffset time.Duration
	// ClockDisagrees says that the database's clock does not decide what has run out,
	// because it is off too far, or has jumped.
	ClockDisagrees bool
}

// counters is what [Replica.Stats] reads.
type counters struct {
	polls, failedPolls, pollRows, identityChanges, reconciled, stale atomic.Int64

	lastPoll, clockOffset atomic.Int64 // durations
	clockDisagrees        atomic.Bool
	loadedTo, loadLast    atomic.Int64
}

// loading notes how far a load is.
func (c *counters) loading(at, last int64) {
	c.loadLast.Store(last)
	c.loadedTo.Store(at)
}

// Stats returns what was counted so far. It is safe for concurrent use.
func (r *Replica) Stats() Stats {
	c := &r.counters
	return Stats{
		LeaseAge: r.LeaseAge(),
		Polls:    c.polls.Load(), FailedPolls: c.failedPolls.Load(), PollRows: c.pollRows.Load(),
		IdentityChanges: c.identityChanges.Load(), Reconciled: c.reconciled.Load(), Stale: c.stale.Load(),
		LastPoll:     time.Duration(c.lastPoll.Load()),
		Restrictions: r.state.room.entries.Load(), Bytes: r.state.room.used.Load(),
		LostClients: r.state.room.losers(), Loaded: r.loadedPart(),
		ClockOffset: time.Duration(c.clockOffset.Load()), ClockDisagrees: c.clockDisagrees.Load(),
	}
}

func (r *Replica) loadedPart() float64 {
	at, last := r.counters.loadedTo.Load(), r.counters.loadLast.Load()
	switch {
	case at < last:
		return float64(at) / float64(last)
	case r.lease.Load() == nil:
		return 0
	default:
		return 1
	}
}
