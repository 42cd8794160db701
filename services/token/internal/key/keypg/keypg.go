// Package keypg keeps keys in Postgres.
package keypg

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/services/token/internal/key"
)

// Store implements key.Store.
type Store struct{ db *pgxpool.Pool }

// New returns a store.
func New(db *pgxpool.Pool) *Store { return &Store{db} }

// Create implements key.Store.
func (s *Store) Create(ctx context.Context, k key.Stored) error {
	return pg.InStatement(ctx, s.db, func(conn *pgx.Conn) error {
		tag, err := conn.Exec(ctx, `
			INSERT INTO token.key (purpose, generation, ciphertext)
			VALUES ($1, $2, $3)
			ON CONFLICT DO NOTHING`, k.Purpose, k.Generation, k.Ciphertext)
		if err != nil {
			return fmt.Errorf("insert key: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return key.ErrExists
		}
		return nil
	})
}

// List implements key.Store.
func (s *Store) List(ctx context.Context) ([]key.Stored, error) {
	rows, err := s.db.Query(ctx, `
		SELECT purpose, generation, ciphertext, create_time
		  FROM token.key
		 ORDER BY purpose, generation`)
	if err != nil {
		return nil, fmt.Errorf("select keys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[key.Stored])
	if err != nil {
		return nil, fmt.Errorf("select keys: %w", err)
	}
	return keys, nil
}
