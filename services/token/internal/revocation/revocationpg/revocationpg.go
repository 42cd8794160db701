// Package revocationpg writes ended access tokens to the restriction log in Postgres.
package revocationpg

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/pg"
)

// Store implements revocation.Store.
type Store struct {
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store. keep is how long a restriction is kept.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db, keep} }

// Revoke implements revocation.Store.
func (s *Store) Revoke(ctx context.Context, tokenID [16]byte) ([]coherent.Restriction, error) {
	r := coherent.Token(tokenID)
	err := pg.InTx(ctx, s.db, func(tx pgx.Tx) error { return coherentpg.Append(ctx, tx, s.keep, r) })
	if err != nil {
		return nil, err
	}
	return []coherent.Restriction{r}, nil
}
