package sweep

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	// period is the time between two rounds, and budget how long a round goes on.
	period = time.Minute
	budget = 30 * time.Second

	// batchTime is what a batch should take: a request may have to wait for one that
	// deletes a row which it wants to write anew. batchTimeout bounds it all, the
	// waits for a connection and for a standby too.
	batchTime    = 100 * time.Millisecond
	batchTimeout = 10 * time.Second

	// The rows of a batch are as many as the time allows.
	leastLimit = 10
	firstLimit = 1_000
	mostLimit  = 10_000
)

// Runner sweeps tables. Any number of processes may do so at once.
type Runner struct {
	now   func() time.Time
	log   *slog.Logger
	queue []*turn // who is next
	turns []*turn // in the order of the tables

	mu        sync.Mutex // guards what Stats reads
	disagrees bool
}

// turn is a table among the others.
type turn struct {
	Table
	limit int
	at    time.Time // the database's, as read in this round
	more  bool      // in this round

	// The rest is what Stats reads.
	rows, failures int64
	swept          time.Time // everything that was due then is gone
}

// NewRunner returns a runner for the tables. It starts nothing. now is the clock of
// the process.
func NewRunner(now func() time.Time, log *slog.Logger, tables ...Table) *Runner {
	r := &Runner{now: now, log: log}
	for _, t := range tables {
		r.turns = append(r.turns, &turn{Table: t, limit: firstLimit, swept: now()})
	}
	r.queue = append(r.queue, r.turns...)
	return r
}

// Run sweeps once a minute until ctx ends; it then returns nil.
func (r *Runner) Run(ctx context.Context) error {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			r.Round(ctx)
		}
	}
}

// Round sweeps until nothing is due any more, or half a minute has passed.
func (r *Runner) Round(ctx context.Context) {
	begin, waiting := r.now(), len(r.queue)
	for _, t := range r.queue {
		t.more, t.at = true, time.Time{}
	}
	for waiting > 0 && ctx.Err() == nil && r.now().Sub(begin).Abs() < budget {
		t := r.queue[0]
		r.queue = append(r.queue[1:], t)
		if !t.more {
			continue
		}
		if t.more = r.batch(ctx, t); !t.more {
			waiting--
		}
	}
}

// batch deletes one batch of the table, and reports whether it is to have another
// one in this round.
func (r *Runner) batch(ctx context.Context, t *turn) (more bool) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	if t.at.IsZero() {
		var err error
		t.at, err = t.now(ctx, r.now)
		if !errors.Is(err, context.Canceled) {
			r.judge(ctx, err)
		}
		if err != nil {
			return r.failed(ctx, t, err)
		}
	}
	begin := r.now()
	b, err := t.Delete(ctx, t.at, t.limit)
	t.adapt(r.now().Sub(begin), b, err)
	if err != nil {
		return r.failed(ctx, t, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t.rows += b.Rows
	switch {
	case !b.More:
		t.swept = t.at
	case !b.DueTime.IsZero():
		t.swept = b.DueTime
	}
	return b.More
}

// failed counts what went wrong with the table, which then waits for the next round.
func (r *Runner) failed(ctx context.Context, t *turn, err error) (more bool) {
	if errors.Is(err, context.Canceled) {
		return false // the process ends
	}
	r.mu.Lock()
	t.failures++
	r.mu.Unlock()
	if !errors.Is(err, ErrClock) { // judge has said it
		r.log.WarnContext(ctx, "sweep fails", slog.String("table", t.Name), slog.Any("error", err))
	}
	return false
}

// judge says so once when the clocks begin to disagree, and once when they agree
// again.
func (r *Runner) judge(ctx context.Context, err error) {
	disagrees := errors.Is(err, ErrClock)
	r.mu.Lock()
	changed := disagrees != r.disagrees && (disagrees || err == nil)
	if changed {
		r.disagrees = disagrees
	}
	r.mu.Unlock()
	switch {
	case changed && disagrees:
		r.log.ErrorContext(ctx, "nothing is swept: set the clock that is wrong", slog.Any("error", err))
	case changed:
		r.log.InfoContext(ctx, "the clocks agree again, and what is due is swept")
	}
}

// adapt makes batches as large as the time for one allows.
func (t *turn) adapt(took time.Duration, b Batch, err error) {
	switch {
	case err != nil || took > batchTime:
		t.limit = max(t.limit/2, leastLimit)
	case b.More && took < batchTime/4:
		t.limit = min(t.limit*2, mostLimit)
	}
}

// Stats is what a runner has done since it was made.
type Stats struct {
	Tables []TableStats
	// ClockDisagrees says that nothing is swept because of [ErrClock].
	ClockDisagrees bool
}

// TableStats is what became of one table.
type TableStats struct {
	Name           string
	Rows, Failures int64
	// Lag is at most how long the oldest row has been due that is left; how long ago
	// the runner was made where no batch has succeeded since.
	Lag time.Duration
}

// Stats returns what the runner has done. A table has its name once.
func (r *Runner) Stats() Stats {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Stats{ClockDisagrees: r.disagrees}
	at := map[string]int{}
	for _, t := range r.turns {
		i, ok := at[t.Name]
		if !ok {
			i, at[t.Name] = len(s.Tables), len(s.Tables)
			s.Tables = append(s.Tables, TableStats{Name: t.Name})
		}
		all := &s.Tables[i]
		all.Rows, all.Failures, all.Lag = all.Rows+t.rows, all.Failures+t.failures, max(all.Lag, now.Sub(t.swept))
	}
	return s
}
