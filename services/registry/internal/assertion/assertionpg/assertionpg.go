// Package assertionpg remembers used client assertions in PostgreSQL.
package assertionpg

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion"
)

var _ assertion.Store = (*Store)(nil)

// Store implements assertion.Store.
type Store struct{ db *pgxpool.Pool }

// New returns a store on db, which must be migrated.
func New(db *pgxpool.Pool) *Store { return &Store{db: db} }

// Add implements assertion.Store. The primary key is the gate: a second caller
// waits for the first, and then inserts nothing. The transaction is for its
// commit, which does not pass for done when a standby may lack it.
func (s *Store) Add(ctx context.Context, u assertion.Use) error {
	return pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			INSERT INTO registry.used_assertion (client_id, jti_digest, expire_time)
			VALUES ($1, $2, $3)
			ON CONFLICT DO NOTHING`, u.ClientID, u.JTI[:], u.ExpireTime)
		if err != nil {
			return fmt.Errorf("insert used assertion: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return assertion.ErrUsed
		}
		return nil
	})
}

// Sweeps implements assertion.Store.
func (s *Store) Sweeps() []sweep.Table { return sweeppg.Tables(s.db, assertion.Sweeps()...) }
