// Package pushedpg keeps pushed authorization requests in Postgres.
package pushedpg

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
)

var _ pushed.Store = (*Store)(nil)

// Store implements pushed.Store.
type Store struct{ db *pgxpool.Pool }

// New returns a store on db, which must be migrated.
func New(db *pgxpool.Pool) *Store { return &Store{db} }

// Create implements pushed.Store. The count looks at no more rows than the limit.
func (s *Store) Create(ctx context.Context, r pushed.New, limit int) error {
	encoded, err := r.Request.Marshal()
	if err != nil {
		return err
	}
	tag, err := s.db.Exec(ctx, `
		INSERT INTO authorize.pushed_request (digest, client_id, request, expire_time)
		SELECT $1, $2, $3, statement_timestamp() + $4::interval
		 WHERE (SELECT count(*)
		          FROM (SELECT FROM authorize.pushed_request
		                 WHERE client_id = $2 AND expire_time > statement_timestamp()
		                 LIMIT $5) AS waiting) < $5`,
		r.Digest[:], r.Request.ClientID, encoded, r.Lifetime, limit)
	if err != nil {
		return fmt.Errorf("insert pushed request: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return pushed.ErrTooMany
	}
	return nil
}

// Find implements pushed.Store.
func (s *Store) Find(ctx context.Context, digest secret.Digest) (authreq.Request, error) {
	var encoded []byte
	err := s.db.QueryRow(ctx, `
		SELECT request
		  FROM authorize.pushed_request
		 WHERE digest = $1 AND expire_time > statement_timestamp()`, digest[:]).Scan(&encoded)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return authreq.Request{}, pushed.ErrNotFound
	case err != nil:
		return authreq.Request{}, fmt.Errorf("select pushed request: %w", err)
	}
	return authreq.Unmarshal(encoded)
}

// Take implements pushed.Store.
func (s *Store) Take(ctx context.Context, digest secret.Digest) error {
	return pg.InTx(ctx, s.db, func(tx pgx.Tx) error { return Take(ctx, tx, digest) })
}

// Take is [Store.Take] within the transaction of another store. The row lock of
// the DELETE is the gate: the second caller waits for the first, and finds
// nothing.
func Take(ctx context.Context, tx pgx.Tx, digest secret.Digest) error {
	tag, err := tx.Exec(ctx, `
		DELETE FROM authorize.pushed_request
		 WHERE digest = $1 AND expire_time > statement_timestamp()`, digest[:])
	if err != nil {
		return fmt.Errorf("delete pushed request: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return pushed.ErrNotFound
	}
	return nil
}

// Sweeps implements pushed.Store.
func (s *Store) Sweeps() []sweep.Table { return sweeppg.Tables(s.db, pushed.Sweeps()...) }
