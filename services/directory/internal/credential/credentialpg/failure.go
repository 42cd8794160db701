package credentialpg

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
)

// NoteFailure implements credential.Store. The row lock of the upsert gives each
// failure a number of its own.
func (s *Store) NoteFailure(ctx context.Context, f credential.Failure) (recorded bool, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		var number int64
		err := tx.QueryRow(ctx, `
			INSERT INTO directory.failure AS f (source, number, expire_time)
			VALUES ($1, 1, statement_timestamp() + $2::interval)
			ON CONFLICT (source) DO UPDATE SET number = f.number + 1
			RETURNING number`, f.Source[:], f.Window).Scan(&number)
		if err != nil {
			return fmt.Errorf("upsert failure: %w", err)
		}
		if recorded = credential.Recorded(number); !recorded {
			return nil
		}
		return eventpg.Append(ctx, tx, f.Record())
	})
	return recorded, err
}

// Sweeps implements credential.Store.
func (s *Store) Sweeps() []sweep.Table {
	return []sweep.Table{{Name: credential.FailureTable, Now: sweeppg.Now(s.db), Delete: s.closeFailures}}
}

// closeFailures leaves out what another call closes at that moment.
func (s *Store) closeFailures(ctx context.Context, now time.Time, limit int) (closed sweep.Batch, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
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
		windows, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return fmt.Errorf("delete failures: %w", err)
		}
		closed = sweep.Batch{Rows: int64(len(windows)), More: len(windows) == limit}
		return eventpg.Append(ctx, tx, credential.Summaries(windows)...)
	})
	return closed, err
}
