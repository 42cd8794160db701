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
}

// counters is what [Replica.Stats] reads.
type counters struct {
	polls, failedPolls, pollRows, identityChanges, reconciled, stale atomic.Int64

	lastPoll atomic.Int64 // a duration
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
	}
}
