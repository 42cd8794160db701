package coherent

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

const (
	// loadTimeout is for the poll that completes a load: the longer the load took, the
	// more it brings. One that takes longer than the bound yields a lease that has
	// lapsed already; the poll after it renews it.
	loadTimeout = 30 * time.Second
	// largestPage and smallestPage bound the rows of a page. A page that takes too long
	// is halved, and the next ones grow again.
	largestPage, smallestPage = 10_000, 100
	// progressPeriod is the time between two lines of the log about a load.
	progressPeriod = 5 * time.Second
)

// load is the way through the log from its first row. It lives until it is done, so
// that a page that fails is read again, and no other.
type load struct {
	begin    Batch
	at, last int64 // ids of the last row joined, and of the last to join
	size     int   // of the next page
	rows     int64
	told     time.Duration // when progress was logged
}

// load joins the log page by page. No page is more than a short statement, however
// many rows there are. That is sound because rows are only added and restrictions
// are joins: what the beginning saw is in a page, unless it has run out, and what it
// did not see is in the difference from it, which the next poll brings. That poll
// alone gives the lease.
func (r *Replica) load(ctx context.Context) error {
	f := &r.feed
	if f.load == nil {
		if err := r.begin(ctx); err != nil {
			return err
		}
	}
	for l := f.load; l.at < l.last; {
		page, err := r.page(ctx, l)
		switch {
		case err != nil:
			l.size = max(smallestPage, l.size/2)
			return fmt.Errorf("load restrictions after row %d of %d: %w", l.at, l.last, err)
		case page.Identity != l.begin.Identity:
			f.load = nil
			return errIdentity
		case len(page.Entries) == 0:
			l.at = l.last // those that were left have run out
		default:
			r.join(page.Entries)
			l.at, l.size, l.rows = page.Next, min(largestPage, 2*l.size), l.rows+int64(len(page.Entries))
		}
		r.progress(ctx, l)
	}
	f.cursor, f.loaded, f.complete, f.load = f.load.begin.Cursor, true, false, nil
	return nil
}

// begin starts a load. Another identity than that of before may have lost what the
// state has.
func (r *Replica) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.o.PollTimeout)
	defer cancel()
	batch, last, err := r.source.Begin(ctx)
	if err != nil {
		return err
	}
	f := &r.feed
	if f.identity != "" && f.identity != batch.Identity {
		r.counters.identityChanges.Add(1)
		f.suspect(r.state, batch)
	}
	if f.identity == batch.Identity {
		f.incomplete = time.Time{} // this load may find room for everything
	}
	f.identity, f.restoreEpoch = batch.Identity, batch.RestoreEpoch
	f.load = &load{begin: batch, last: last, size: largestPage, told: r.o.Clock()}
	f.loaded = false
	r.counters.loading(0, last)
	return nil
}

func (r *Replica) page(ctx context.Context, l *load) (Page, error) {
	ctx, cancel := context.WithTimeout(ctx, r.o.PollTimeout)
	defer cancel()
	return r.source.Page(ctx, l.at, l.last, l.size)
}

func (r *Replica) progress(ctx context.Context, l *load) {
	r.counters.loading(l.at, l.last)
	if now := r.o.Clock(); now-l.told >= progressPeriod {
		l.told = now
		r.o.Log.InfoContext(ctx, "restrictions are being loaded",
			slog.Int64("rows", l.rows), slog.Int64("at_id", l.at), slog.Int64("last_id", l.last))
	}
}
