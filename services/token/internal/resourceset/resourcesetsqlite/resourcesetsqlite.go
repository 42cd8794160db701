// Package resourcesetsqlite keeps resource sets in SQLite.
package resourcesetsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset"
)

// Store implements resourceset.Store.
type Store struct {
	db   *sqlite.DB
	keep time.Duration
}

// New returns a store. keep is how long a set outlives its last Put.
func New(db *sqlite.DB, keep time.Duration) *Store { return &Store{db, keep} }

// Put implements resourceset.Store. A set that is there is written again only
// when half of its time has passed.
func (s *Store) Put(ctx context.Context, set []byte) (resourceset.Digest, error) {
	d := resourceset.DigestOf(set)
	_, err := s.db.Write().ExecContext(ctx, `
		INSERT INTO token_resource_set (digest, resources, keep_time)
		VALUES (?1, ?2, `+sqlite.NowMicros+` + ?3 * 2)
		ON CONFLICT (digest) DO UPDATE
		   SET keep_time = excluded.keep_time
		 WHERE token_resource_set.keep_time < `+sqlite.NowMicros+` + ?3`, d[:], set, s.keep.Microseconds())
	if err != nil {
		return resourceset.Digest{}, fmt.Errorf("insert resource set: %w", err)
	}
	return d, nil
}

// Find implements resourceset.Store.
func (s *Store) Find(ctx context.Context, d resourceset.Digest) ([]byte, error) {
	var set []byte
	err := s.db.Read().QueryRowContext(ctx, `SELECT resources FROM token_resource_set WHERE digest = ?1`, d[:]).Scan(&set)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, resourceset.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("select resource set: %w", err)
	}
	return set, nil
}

// Sweeps implements resourceset.Store.
func (s *Store) Sweeps() []sweep.Table { return sweepsqlite.Tables(s.db, resourceset.Sweeps()...) }
