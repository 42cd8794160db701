// Package resourcesetpg keeps resource sets in Postgres.
package resourcesetpg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset"
)

// Store implements resourceset.Store.
type Store struct {
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store. keep is how long a set outlives its last Put.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db, keep} }

// Put implements resourceset.Store. A set that is there is written again only
// when half of its time has passed.
func (s *Store) Put(ctx context.Context, set []byte) (resourceset.Digest, error) {
	d := resourceset.DigestOf(set)
	_, err := s.db.Exec(ctx, `
		INSERT INTO token.resource_set AS r (digest, resources, keep_time)
		VALUES ($1, $2, statement_timestamp() + $3::interval * 2)
		ON CONFLICT (digest) DO UPDATE
		   SET keep_time = excluded.keep_time
		 WHERE r.keep_time < statement_timestamp() + $3::interval`, d[:], set, s.keep)
	if err != nil {
		return resourceset.Digest{}, fmt.Errorf("insert resource set: %w", err)
	}
	return d, nil
}

// Find implements resourceset.Store.
func (s *Store) Find(ctx context.Context, d resourceset.Digest) ([]byte, error) {
	var set []byte
	err := s.db.QueryRow(ctx, `SELECT resources FROM token.resource_set WHERE digest = $1`, d[:]).Scan(&set)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, resourceset.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("select resource set: %w", err)
	}
	return set, nil
}

// Sweeps implements resourceset.Store.
func (s *Store) Sweeps() []sweep.Table { return sweeppg.Tables(s.db, resourceset.Sweeps()...) }
