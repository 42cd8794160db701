// Package attemptsqlite counts sign-in attempts in SQLite.
package attemptsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
)

var _ attempt.Store = (*Store)(nil)

// Store implements attempt.Store.
type Store struct{ db *sqlite.DB }

// New returns a store on db, which must be migrated.
func New(db *sqlite.DB) *Store { return &Store{db} }

// errFull undoes what was counted.
var errFull = errors.New("an attempt is beyond its limit")

// Take implements attempt.Store.
func (s *Store) Take(ctx context.Context, counts ...attempt.Count) ([]attempt.Taken, error) {
	taken := make([]attempt.Taken, len(counts))
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		full := false
		for i, c := range counts {
			var err error
			if taken[i], err = scan(tx.QueryRowContext(ctx, `
				INSERT INTO directory_attempt AS a (key, number, expire_time)
				VALUES (?1, 1, `+sqlite.NowMicros+` + ?2)
				ON CONFLICT (key) DO UPDATE
				   SET number      = CASE WHEN a.expire_time <= `+sqlite.NowMicros+` THEN 1 ELSE a.number + 1 END,
				       expire_time = CASE WHEN a.expire_time <= `+sqlite.NowMicros+` THEN excluded.expire_time ELSE a.expire_time END
				RETURNING number, expire_time - `+sqlite.NowMicros,
				c.Key[:], c.Window.Microseconds())); err != nil {
				return err
			}
			full = full || taken[i].Number > c.Attempts
		}
		if full {
			return errFull
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
	taken := make([]attempt.Taken, len(counts))
	for i, c := range counts {
		var err error
		taken[i], err = scan(s.db.Read().QueryRowContext(ctx, `
			SELECT number + 1, expire_time - `+sqlite.NowMicros+`
			  FROM directory_attempt
			 WHERE key = ? AND expire_time > `+sqlite.NowMicros, c.Key[:]))
		if errors.Is(err, sql.ErrNoRows) {
			taken[i], err = attempt.Taken{Number: 1, RetryAfter: c.Window}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("select attempt: %w", err)
		}
	}
	return taken, nil
}

func scan(row *sql.Row) (taken attempt.Taken, err error) {
	var micros int64
	err = row.Scan(&taken.Number, &micros)
	taken.RetryAfter = time.Duration(micros) * time.Microsecond
	return taken, err
}

// Return implements attempt.Store.
func (s *Store) Return(ctx context.Context, keys ...attempt.Key) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		for _, key := range keys {
			if _, err := tx.ExecContext(ctx, `DELETE FROM directory_attempt WHERE key = ? AND number = 1`, key[:]); err != nil {
				return fmt.Errorf("delete attempt: %w", err)
			}
			if _, err := tx.ExecContext(ctx, `UPDATE directory_attempt SET number = number - 1 WHERE key = ? AND number > 1`, key[:]); err != nil {
				return fmt.Errorf("update attempt: %w", err)
			}
		}
		return nil
	})
}

// Clear implements attempt.Store.
func (s *Store) Clear(ctx context.Context, key attempt.Key) error {
	if _, err := s.db.Write().ExecContext(ctx, `DELETE FROM directory_attempt WHERE key = ?`, key[:]); err != nil {
		return fmt.Errorf("delete attempt: %w", err)
	}
	return nil
}

// Unlock implements attempt.Store.
func (s *Store) Unlock(ctx context.Context, key attempt.Key, sub string) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM directory_attempt WHERE key = ?`, key[:]); err != nil {
			return fmt.Errorf("delete attempt: %w", err)
		}
		return eventsqlite.Append(ctx, tx, event.Event{Type: event.SubjectUnlocked, Sub: sub})
	})
}

// Sweeps implements attempt.Store.
func (s *Store) Sweeps() []sweep.Table { return sweepsqlite.Tables(s.db, attempt.Sweeps()...) }
