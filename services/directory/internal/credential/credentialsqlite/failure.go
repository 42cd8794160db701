package credentialsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
)

// NoteFailure implements credential.Store. Write transactions run one after another,
// so that each failure has a number of its own.
func (s *Store) NoteFailure(ctx context.Context, f credential.Failure) (recorded bool, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		var number int64
		err := tx.QueryRowContext(ctx, `
			INSERT INTO directory_failure AS f (source, number, expire_time)
			VALUES (?1, 1, `+sqlite.NowMicros+` + ?2)
			ON CONFLICT (source) DO UPDATE SET number = f.number + 1
			RETURNING number`, f.Source[:], f.Window.Microseconds()).Scan(&number)
		if err != nil {
			return fmt.Errorf("upsert failure: %w", err)
		}
		if recorded = credential.Recorded(number); !recorded {
			return nil
		}
		return eventsqlite.Append(ctx, tx, f.Record())
	})
	return recorded, err
}

// Sweeps implements credential.Store.
func (s *Store) Sweeps() []sweep.Table {
	return []sweep.Table{{Name: credential.FailureTable, Now: sweepsqlite.Now(s.db), Delete: s.closeFailures}}
}

func (s *Store) closeFailures(ctx context.Context, now time.Time, limit int) (closed sweep.Batch, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		windows, err := deleteFailures(ctx, tx, now, limit)
		if err != nil {
			return fmt.Errorf("delete failures: %w", err)
		}
		closed = sweep.Batch{Rows: int64(len(windows)), More: len(windows) == limit}
		return eventsqlite.Append(ctx, tx, credential.Summaries(windows)...)
	})
	return closed, err
}

const deleteOver = `
	DELETE FROM directory_failure
	 WHERE source IN (
		SELECT source
		  FROM directory_failure
		 WHERE expire_time <= ?1
		 ORDER BY expire_time
		 LIMIT ?2)
	RETURNING number`

func deleteFailures(ctx context.Context, tx *sql.Tx, now time.Time, limit int) (windows []int64, err error) {
	rows, err := tx.QueryContext(ctx, deleteOver, sqlite.Time(now), limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		windows = append(windows, n)
	}
	return windows, rows.Err()
}
