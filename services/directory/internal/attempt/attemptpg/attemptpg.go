// Package attemptpg counts sign-in attempts in PostgreSQL.
package attemptpg

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
)

var _ attempt.Store = (*Store)(nil)

// Store implements attempt.Store.
type Store struct{ db *pgxpool.Pool }

// New returns a store on db, which must be migrated.
func New(db *pgxpool.Pool) *Store { return &Store{db} }

// Take implements attempt.Store. The row lock of the upsert gives each caller a
// number of its own. The number stops far beyond any limit, where it fits.
func (s *Store) Take(ctx context.Context, key attempt.Key, window time.Duration) (attempt.Taken, error) {
	var (
		taken  attempt.Taken
		micros int64
	)
	err := s.db.QueryRow(ctx, `
		INSERT INTO directory.attempt AS a (key, number, expire_time)
		VALUES ($1, 1, statement_timestamp() + $2::bigint * interval '1 microsecond')
		ON CONFLICT (key) DO UPDATE
		   SET number      = CASE WHEN a.expire_time <= statement_timestamp() THEN 1 ELSE LEAST(a.number, 1000000000) + 1 END,
		       expire_time = CASE WHEN a.expire_time <= statement_timestamp() THEN excluded.expire_time ELSE a.expire_time END
		RETURNING number, (EXTRACT(epoch FROM expire_time - statement_timestamp()) * 1000000)::bigint`,
		key[:], window.Microseconds()).Scan(&taken.Number, &micros)
	if err != nil {
		return attempt.Taken{}, fmt.Errorf("upsert attempt: %w", err)
	}
	taken.RetryAfter = time.Duration(micros) * time.Microsecond
	return taken, nil
}

// Clear implements attempt.Store.
func (s *Store) Clear(ctx context.Context, key attempt.Key) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM directory.attempt WHERE key = $1`, key[:]); err != nil {
		return fmt.Errorf("delete attempt: %w", err)
	}
	return nil
}

// Sweeps implements attempt.Store.
func (s *Store) Sweeps() []sweep.Table { return sweeppg.Tables(s.db, attempt.Sweeps()...) }
