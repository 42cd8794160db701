package coherent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	// loadTimeout is for the whole log. A load that takes longer than the bound
	// yields a lease that has lapsed already; the poll after it renews it.
	loadTimeout = 30 * time.Second
	// pollGap is the least time between two polls, however many ask for one.
	pollGap = 20 * time.Millisecond
	// retryGap is the same after a failure.
	retryGap = 100 * time.Millisecond
	// maxTimeJump is how far the database's clock may be from where it should
	// be, by the clock of this machine, for its word on what is over to count.
	maxTimeJump = 5 * time.Minute
	// expirePeriod is the time between two passes over the state.
	expirePeriod = time.Minute
)

// feed is what the poll loop knows. One goroutine uses it.
type feed struct {
	cursor   Cursor
	identity Identity
	loaded   bool
	failing  bool // as last logged

	// incomplete is until when, by the database's clock, the log has a row that
	// this replica could not join. Its cursor is past that row, so no later
	// poll would show it again.
	incomplete time.Time

	trusted  reading // of the database's clock
	expireAt time.Time

	restoreEpoch int64   // of the last batch
	suspected    bool    // the database may have lost what the state has
	lost         []Entry // what it has lost, and is not written back yet
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

// step is one load or poll. The clocks are read before the query leaves: that
// is the instant the answer is complete as of, however long it takes.
func (r *Replica) step(ctx context.Context) (err error) {
	r.counters.polls.Add(1)
	defer func() {
		if err != nil {
			r.counters.failedPolls.Add(1)
		}
	}()
	asOf := lease{clock: r.o.Clock(), wall: r.o.Wall()}
	batch, err := r.read(ctx)
	if err != nil {
		return err
	}
	r.counters.lastPoll.Store(int64(r.o.Clock() - asOf.clock))
	r.counters.pollRows.Add(int64(len(batch.Entries)))
	f := &r.feed
	if f.loaded && batch.Identity != f.identity {
		// The cursor means nothing there. What is known stays: the new database
		// may have lost restrictions that were acknowledged, and its clock is
		// trusted no more than a jump of the old one would be.
		f.suspect(batch)
		r.counters.identityChanges.Add(1)
		return errIdentity
	}
	err = r.adopt(batch, asOf)
	r.findLost(batch)
	return err
}

// adopt joins a batch and renews the lease if nothing is missing.
func (r *Replica) adopt(batch Batch, asOf lease) error {
	f := &r.feed
	r.join(batch)
	expired := r.expire(batch.DatabaseTime, asOf.clock)
	if !f.trusted.database.After(f.incomplete) {
		// After a pass that may have made room, the whole log is read again.
		f.loaded = !expired
		return fmt.Errorf("%w before %s", errIncomplete, f.incomplete)
	}
	r.renew(asOf)
	return nil
}

func (r *Replica) read(ctx context.Context) (Batch, error) {
	timeout := r.o.PollTimeout
	if !r.feed.loaded {
		timeout = loadTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if !r.feed.loaded {
		return r.source.Load(ctx)
	}
	return r.source.Poll(ctx, r.feed.cursor)
}

// join adds the batch to the state. What cannot be joined makes the state
// incomplete until no token is left that it could concern, or until a load
// finds room for everything.
func (r *Replica) join(batch Batch) {
	f := &r.feed
	if !f.loaded && f.identity == batch.Identity {
		f.incomplete = time.Time{}
	}
	r.state.databaseTime.Store(batch.DatabaseTime.UnixMicro())
	r.state.joinRestore(batch.RestoreEpoch)
	for _, e := range batch.Entries {
		// A row may stay in the log for a while after it is over.
		over := e.KeepUntil.Before(f.trusted.database)
		if !over && !r.state.Join(e.KeepUntil, e.Restriction) && e.KeepUntil.After(f.incomplete) {
			f.incomplete = e.KeepUntil
		}
	}
	f.cursor, f.identity, f.loaded = batch.Cursor, batch.Identity, true
	f.restoreEpoch = batch.RestoreEpoch
}

// expire drops what is over, by the database's clock, unless that clock has
// jumped: dropped too early, a restriction would bring tokens back to life. A
// clock that stays where it jumped to is not trusted again before a restart.
// It reports whether it went over the state.
func (r *Replica) expire(now time.Time, clock time.Duration) bool {
	f := &r.feed
	if f.trusted == (reading{}) {
		f.trusted = reading{now, clock}
	}
	jump := now.Sub(f.trusted.database) - (clock - f.trusted.clock)
	if jump.Abs() > maxTimeJump {
		return false
	}
	f.trusted = reading{now, clock}
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
