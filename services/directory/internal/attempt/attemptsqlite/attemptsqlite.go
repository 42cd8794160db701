// Package attemptsqlite counts sign-in attempts in SQLite.
package attemptsqlite

import (
	"context"
	"fmt"
	"time"

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

// Take implements attempt.Store. The number stops far beyond any limit.
func (s *Store) Take(ctx context.Context, key attempt.Key, window time.Duration) (attempt.Taken, error) {
	var (
		taken  attempt.Taken
		micros int64
	)
	err := s.db.Write().QueryRowContext(ctx, `
		INSERT INTO directory_attempt AS a (key, number, expire_time)
		VALUES (?1, 1, `+sqlite.NowMicros+` + ?2)
		ON CONFLICT (key) DO UPDATE
		   SET number      = CASE WHEN a.expire_time <= `+sqlite.NowMicros+` THEN 1 ELSE min(a.number, 1000000000) + 1 END,
		       expire_time = CASE WHEN a.expire_time <= `+sqlite.NowMicros+` THEN excluded.expire_time ELSE a.expire_time END
		RETURNING number, expire_time - `+sqlite.NowMicros,
		key[:], window.Microseconds()).Scan(&taken.Number, &micros)
	if err != nil {
		return attempt.Taken{}, fmt.Errorf("upsert attempt: %w", err)
	}
	taken.RetryAfter = time.Duration(micros) * time.Microsecond
	return taken, nil
}

// Clear implements attempt.Store.
func (s *Store) Clear(ctx context.Context, key attempt.Key) error {
	if _, err := s.db.Write().ExecContext(ctx, `DELETE FROM directory_attempt WHERE key = ?`, key[:]); err != nil {
		return fmt.Errorf("delete attempt: %w", err)
	}
	return nil
}

// Sweeps implements attempt.Store.
func (s *Store) Sweeps() []sweep.Table { return sweepsqlite.Tables(s.db, attempt.Sweeps()...) }
