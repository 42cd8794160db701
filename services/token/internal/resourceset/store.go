package resourceset

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Store keeps sets. It is safe for concurrent use, across processes too.
type Store struct {
	db   *database.DB
	keep time.Duration
}

// NewStore returns a store. keep is how long a set outlives its last Put, which is
// for as long as any token lives.
func NewStore(db *database.DB, keep time.Duration) *Store { return &Store{db, keep} }

// Put keeps the set. Doing it again is no error, and keeps it for as long from then
// on: it is written again only when half of its time has passed.
func (s *Store) Put(ctx context.Context, set []byte) (Digest, error) {
	d := DigestOf(set)
	_, err := s.db.Exec(ctx, `
		INSERT INTO token.resource_set AS r (digest, resources, keep_time)
		VALUES ($1, $2, statement_timestamp() + $3::interval * 2)
		ON CONFLICT (digest) DO UPDATE
		   SET keep_time = excluded.keep_time
		 WHERE r.keep_time < statement_timestamp() + $3::interval`, d[:], set, s.keep)
	if err != nil {
		return Digest{}, fmt.Errorf("insert resource set: %w", err)
	}
	return d, nil
}

// Find returns the set. Fails with ErrNotFound.
func (s *Store) Find(ctx context.Context, d Digest) ([]byte, error) {
	set, err := database.Scan[[]byte](s.db.QueryRow(ctx, `SELECT resources FROM token.resource_set WHERE digest = $1`, d[:]))
	if errors.Is(err, database.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("select resource set: %w", err)
	}
	return set, nil
}

// Sweeps returns the sets that no live token can name, for deletion.
func (s *Store) Sweeps() []sweep.Table {
	return database.Sweeps(s.db, sweep.Rule{Table: "token.resource_set", Key: "digest", Due: "keep_time"})
}
