package coherent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	// pollGap is the least time between two polls, however many ask for one.
	pollGap = 20 * time.Millisecond
	// retryGap is the same after a failure.
	retryGap = 100 * time.Millisecond
	// maxClockError is how far the database's clock may be from that of this machine,
	// and from where it should be since it was last believed, for its word on what has
	// run out to count.
	maxClockError = 5 * time.Minute
	// expirePeriod is the time between two passes over the state.
	expirePeriod = time.Minute
)

// feed is what the poll loop knows. One goroutine uses it.
type feed struct {
	identity Identity
	load     *load  // under way; nil if none is
	cursor   Cursor // of the next poll, once loaded
	loaded   bool
	complete bool // a poll has succeeded since the load
	slow     bool // the last poll took too long, though the database answers
	failing  bool // as last logged

	// incomplete is until when, by the database's clock, the log has a row that
	// this replica could not join. Its cursor is past that row, so no later
	// poll would show it again.
	incomplete time.Time

	trusted     reading // of the database's clock; the last that was believed
	disbelieved bool    // as last logged
	expireAt    time.Time

	restoreEpoch int64   // of the last batch
	suspected    bool    // the database may have lost what the state has
	unsearched   int     // how many shards of the state may have what it has lost
	lost         []Entry // what it has lost, and is not written back yet
	written      int     // how many rows are, since it was suspected
}

// reading is the database's clock together with that of this machine.
type reading struct {
	database time.Time
	clock    time.Duration
}

var (
	// errIdentity is logged when another database, or another life of it, answers.
	errIdentity = errors.New("database identity has changed")
	// errIncomplete is logged while no lease can be had.
	errIncomplete = errors.New("restriction of an unknown kind, or no room for it")
)

// Run loads the log and polls it until ctx ends; it then returns nil. A failing
// source is tried again and again, while the lease ages. Subscribe to hints
// before Run, so that none falls between the load and the subscription. Run
// may be called once.
func (r *Replica) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := r.step(ctx)
		if err == nil {
			err = r.writeBack(ctx)
		}
		r.logChange(ctx, err)
		r.sleep(ctx, err)
	}
	return nil
}

// step is one load, if that is due, and one poll.
func (r *Replica) step(ctx context.Context) (err error) {
	r.counters.polls.Add(1)
	defer func() {
		if err != nil {
			r.counters.failedPolls.Add(1)
		}
	}()
	if !r.feed.loaded {
		if err := r.load(ctx); err != nil {
			return err
		}
	}
	return r.poll(ctx)
}

// poll joins what is new, and renews the lease if nothing is missing. The clocks are
// read before the query leaves: that is the instant the answer is complete as of,
// however long it takes.
func (r *Replica) poll(ctx context.Context) error {
	f := &r.feed
	asOf := r.clocks.Now()
	batch, err := r.read(ctx)
	if err != nil {
		return err
	}
	r.counters.lastPoll.Store(int64(r.o.Clock() - asOf.boot))
	if batch.Identity != f.identity {
		// The cursor means nothing there. What is known stays: the new database may have
		// lost restrictions that were acknowledged.
		f.loaded = false
		return errIdentity
	}
	f.cursor, f.complete, f.restoreEpoch = batch.Cursor, true, batch.RestoreEpoch
	r.state.joinRestore(batch.RestoreEpoch)
	r.join(batch.Entries)
	believed := r.believe(ctx, batch.DatabaseTime, asOf)
	expired := believed && r.expire(batch.DatabaseTime)
	if f.suspected {
		f.suspected, f.unsearched = false, shards
	}
	if !f.incomplete.IsZero() && !f.trusted.database.After(f.incomplete) {
		// After a pass that may have made room, the whole log is read again.
		f.loaded = !expired
		return fmt.Errorf("%w before %s", errIncomplete, f.incomplete)
	}
	r.renew(asOf)
	return nil
}

// read polls. Where the difference is too large to be read in time, as after a long
// outage, but the database answers, a load is due: pages have no such limit. One slow
// poll is no such sign, and a load takes longer than a lease.
func (r *Replica) read(ctx context.Context) (Batch, error) {
	f := &r.feed
	timeout := r.o.PollTimeout
	if !f.complete {
		timeout = loadTimeout
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	batch, err := r.source.Poll(within, f.cursor)
	again := f.slow
	f.slow = false
	if errors.Is(err, context.DeadlineExceeded) && f.complete && ctx.Err() == nil {
		if again {
			return batch, errors.Join(err, r.begin(ctx))
		}
		f.slow = r.answers(ctx)
	}
	return batch, err
}

// answers reports whether the database does.
func (r *Replica) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, r.o.PollTimeout)
	defer cancel()
	_, _, err := r.source.Begin(ctx)
	return err == nil
}

// join adds rows to the state. What cannot be joined makes the state incomplete until
// no token is left that it could concern, or until a load finds room for everything.
func (r *Replica) join(rows []Entry) {
	f := &r.feed
	r.counters.pollRows.Add(int64(len(rows)))
	for _, e := range rows {
		// A row may stay in the log for a while after it has run out.
		over := e.KeepUntil.Before(f.trusted.database)
		if !over && !r.state.joinRow(e) && e.KeepUntil.After(f.incomplete) {
			f.incomplete = e.KeepUntil
		}
	}
}

// believe says whether the database's clock may decide what has run out: dropped too
// early, a restriction would bring tokens back to life. It must agree with that of
// this machine, from the first reading on, and must not have jumped since it was last
// believed, as both do where the two machines are one.
func (r *Replica) believe(ctx context.Context, now time.Time, at Instant) bool {
	f := &r.feed
	offset := now.Sub(time.Unix(0, int64(at.wall)))
	jump := now.Sub(f.trusted.database) - (at.boot - f.trusted.clock)
	believed := offset.Abs() <= maxClockError && (f.trusted == (reading{}) || jump.Abs() <= maxClockError)
	if believed {
		f.trusted = reading{now, at.boot}
	}
	// A row is kept by the later of two clocks, and so is what a hint brings.
	r.state.databaseTime.Store(max(now.UnixMicro(), at.wall.Microseconds()))
	r.counters.clockOffset.Store(int64(offset))
	r.counters.clockDisagrees.Store(!believed)
	if !believed != f.disbelieved {
		f.disbelieved = !believed
		r.logClock(ctx, offset)
	}
	return believed
}

func (r *Replica) logClock(ctx context.Context, offset time.Duration) {
	if !r.feed.disbelieved {
		r.o.Log.InfoContext(ctx, "the database's clock is believed again")
		return
	}
	r.o.Log.WarnContext(ctx, "the database's clock is not believed: no restriction is dropped until it agrees with this machine's, and has not jumped",
		slog.Duration("ahead", offset), slog.Duration("allowed", maxClockError))
}

// expire drops what has run out by the database's clock, now and then. It reports
// whether it went over the state.
func (r *Replica) expire(now time.Time) bool {
	f := &r.feed
	if now.Before(f.expireAt) {
		return false
	}
	f.expireAt = now.Add(expirePeriod)
	r.state.expire(now)
	return true
}

// sleep waits for the next poll: the period, or less if somebody asks for one.
func (r *Replica) sleep(ctx context.Context, err error) {
	gap := pollGap
	switch {
	case errors.Is(err, errIdentity):
		return // the load that is due now
	case err != nil:
		gap = retryGap
	}
	timer := time.NewTimer(gap)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return
	}
	timer.Reset(max(0, r.o.Period-gap))
	select {
	case <-timer.C:
	case <-r.nudge:
	case <-ctx.Done():
	}
}

// logChange logs the first failure of a row of them, and its end.
func (r *Replica) logChange(ctx context.Context, err error) {
	failing := err != nil
	switch {
	case ctx.Err() != nil: // the end of Run is no news
	case failing && !r.feed.failing:
		r.o.Log.WarnContext(ctx, "restriction poll fails", slog.Any("error", err), slog.Duration("lease_age", r.LeaseAge()))
	case !failing && r.feed.failing:
		r.o.Log.InfoContext(ctx, "restriction poll succeeds again")
	}
	r.feed.failing = failing
}
