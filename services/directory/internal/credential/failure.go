package credential

import (
	"context"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// FailureTable has the windows of failures.
const FailureTable = "directory.failure"

const (
	// maxFailures is how many failed sign-ins of one address block are recorded one by
	// one within failureWindow. Later ones are counted, and are one record when it is
	// over: whoever fails cannot fill the disk, and nothing is silent.
	maxFailures   = 100
	failureWindow = time.Hour
)

// Failure is a failed attempt.
type Failure struct {
	// Sub is of the user whose name was given; empty for nobody's.
	Sub string
	// Source names where it came from, and does not tell it.
	Source secret.Digest
	// Window begins with the first failure of its source.
	Window time.Duration
}

// Recorded reports whether the failure that is number n of its window, from 1, has a
// record of its own.
func Recorded(n int64) bool { return n <= maxFailures }

// Record is the event of a failure.
func (f Failure) Record() event.Event { return event.Event{Type: event.SignInFailed, Sub: f.Sub} }

// Summaries are the events of the failures that were counted in windows which are over,
// each with that many failures in all.
func Summaries(windows []int64) (events []event.Event) {
	for _, n := range windows {
		if !Recorded(n) {
			events = append(events, event.Event{Type: event.SignInFailed, Count: n - maxFailures})
		}
	}
	return events
}

// NoteFailure counts a failed attempt, and records it in the audit log if it is one
// of the first of its window (see [Recorded]). The row lock of the upsert gives
// each failure a number of its own.
func (s *Store) NoteFailure(ctx context.Context, f Failure) (recorded bool, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		var number int64
		err := tx.QueryRow(ctx, `
			INSERT INTO directory.failure AS f (source, number, expire_time)
			VALUES ($1, 1, statement_timestamp() + $2::interval)
			ON CONFLICT (source) DO UPDATE SET number = f.number + 1
			RETURNING number`, f.Source[:], f.Window).Scan(&number)
		if err != nil {
			return fmt.Errorf("upsert failure: %w", err)
		}
		if recorded = Recorded(number); !recorded {
			return nil
		}
		return eventdb.Append(ctx, tx, f.Record())
	})
	return recorded, err
}

// Sweeps returns the windows of failures that are over, for deletion. What was
// counted in them is recorded as they go (see [Summaries]), once each.
func (s *Store) Sweeps() []sweep.Table {
	return []sweep.Table{{Name: FailureTable, Now: s.db.Now, Delete: s.closeFailures}}
}

// closeFailures leaves out what another call closes at that moment.
func (s *Store) closeFailures(ctx context.Context, now time.Time, limit int) (closed sweep.Batch, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		windows, err := database.Collect(ctx, tx, database.Scan[int64], `
			DELETE FROM directory.failure
			 WHERE source IN (
				SELECT source
				  FROM directory.failure
				 WHERE expire_time <= $1
				 ORDER BY expire_time
				 LIMIT $2
				   FOR UPDATE SKIP LOCKED)
			RETURNING number`, now, limit)
		if err != nil {
			return fmt.Errorf("delete failures: %w", err)
		}
		closed = sweep.Batch{Rows: int64(len(windows)), More: len(windows) == limit}
		return eventdb.Append(ctx, tx, Summaries(windows)...)
	})
	return closed, err
}
