// Package attemptpg counts sign-in attempts in PostgreSQL.
package attemptpg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
)

var _ attempt.Store = (*Store)(nil)

// Store implements attempt.Store.
type Store struct{ db *pgxpool.Pool }

// New returns a store on db, which must be migrated.
func New(db *pgxpool.Pool) *Store { return &Store{db} }

// errFull undoes what was counted.
var errFull = errors.New("an attempt is beyond its limit")

// Take implements attempt.Store. The row locks of the upsert give each caller
// numbers of its own; all callers take them in one order.
func (s *Store) Take(ctx context.Context, counts ...attempt.Count) ([]attempt.Taken, error) {
	var taken []attempt.Taken
	err := pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		keys, windows := columns(counts)
		rows, err := tx.Query(ctx, `
			INSERT INTO directory.attempt AS a (key, number, expire_time)
			SELECT key, 1, statement_timestamp() + length * interval '1 microsecond'
			  FROM unnest($1::bytea[], $2::bigint[]) AS counted (key, length)
			 ORDER BY key
			ON CONFLICT (key) DO UPDATE
			   SET number      = CASE WHEN a.expire_time <= statement_timestamp() THEN 1 ELSE a.number + 1 END,
			       expire_time = CASE WHEN a.expire_time <= statement_timestamp() THEN excluded.expire_time ELSE a.expire_time END
			RETURNING key, number, (EXTRACT(epoch FROM expire_time - statement_timestamp()) * 1000000)::bigint`, keys, windows)
		if err != nil {
			return err
		}
		if taken, err = collect(rows, counts); err != nil {
			return err
		}
		for i, t := range taken {
			if t.Number > counts[i].Attempts {
				return errFull
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errFull) {
		return nil, fmt.Errorf("upsert attempts: %w", err)
	}
	return taken, nil
}

// Look implements attempt.Store.
func (s *Store) Look(ctx context.Context, counts ...attempt.Count) ([]attempt.Taken, error) {
	keys, _ := columns(counts)
	rows, err := s.db.Query(ctx, `
		SELECT key, number + 1, (EXTRACT(epoch FROM expire_time - statement_timestamp()) * 1000000)::bigint
		  FROM directory.attempt
		 WHERE key = ANY($1) AND expire_time > statement_timestamp()`, keys)
	if err != nil {
		return nil, fmt.Errorf("select attempts: %w", err)
	}
	taken, err := collect(rows, counts)
	if err != nil {
		return nil, fmt.Errorf("select attempts: %w", err)
	}
	return taken, nil
}

func columns(counts []attempt.Count) (keys [][]byte, windows []int64) {
	for _, c := range counts {
		keys, windows = append(keys, c.Key[:]), append(windows, c.Window.Microseconds())
	}
	return keys, windows
}

// collect returns what rows say of counts, in their order. A count without a row
// has no attempt yet.
func collect(rows pgx.Rows, counts []attempt.Count) ([]attempt.Taken, error) {
	found := make(map[attempt.Key]attempt.Taken, len(counts))
	var (
		key    []byte
		number int
		micros int64
	)
	_, err := pgx.ForEachRow(rows, []any{&key, &number, &micros}, func() error {
		found[attempt.Key(key)] = attempt.Taken{Number: number, RetryAfter: time.Duration(micros) * time.Microsecond}
		return nil
	})
	if err != nil {
		return nil, err
	}
	taken := make([]attempt.Taken, len(counts))
	for i, c := range counts {
		var ok bool
		if taken[i], ok = found[c.Key]; !ok {
			taken[i] = attempt.Taken{Number: 1, RetryAfter: c.Window}
		}
	}
	return taken, nil
}

// Return implements attempt.Store. It locks in the order of Take, and sees what was
// counted while it waited.
func (s *Store) Return(ctx context.Context, keys ...attempt.Key) error {
	list := make([][]byte, len(keys))
	for i := range keys {
		list[i] = keys[i][:]
	}
	_, err := s.db.Exec(ctx, `
		WITH held AS (
			SELECT key, number FROM directory.attempt WHERE key = ANY($1) ORDER BY key FOR UPDATE
		), gone AS (
			DELETE FROM directory.attempt AS a USING held WHERE a.key = held.key AND held.number = 1
		)
		UPDATE directory.attempt AS a
		   SET number = held.number - 1
		  FROM held
		 WHERE a.key = held.key AND held.number > 1`, list)
	if err != nil {
		return fmt.Errorf("update attempts: %w", err)
	}
	return nil
}

// Clear implements attempt.Store.
func (s *Store) Clear(ctx context.Context, key attempt.Key) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM directory.attempt WHERE key = $1`, key[:]); err != nil {
		return fmt.Errorf("delete attempt: %w", err)
	}
	return nil
}

// Unlock implements attempt.Store.
func (s *Store) Unlock(ctx context.Context, key attempt.Key, sub string) error {
	return pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM directory.attempt WHERE key = $1`, key[:]); err != nil {
			return fmt.Errorf("delete attempt: %w", err)
		}
		return eventpg.Append(ctx, tx, event.Event{Type: event.SubjectUnlocked, Sub: sub})
	})
}

// Sweeps implements attempt.Store.
func (s *Store) Sweeps() []sweep.Table { return sweeppg.Tables(s.db, attempt.Sweeps()...) }
