package pushed

import (
	"context"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
)

// Store keeps pushed requests. It is safe for concurrent use, across processes too.
//
// A request that is over by the database's clock is not found, whether or not it
// was swept.
type Store struct{ db *database.DB }

// NewStore returns a store on db, which must be migrated.
func NewStore(db *database.DB) *Store { return &Store{db} }

// Create keeps a request for its lifetime from now. Fails with ErrTooMany when
// the client has limit live ones. The count looks at no more rows than that.
func (s *Store) Create(ctx context.Context, r New, limit int) error {
	encoded, err := r.Request.Marshal()
	if err != nil {
		return err
	}
	inserted, err := s.db.Exec(ctx, `
		INSERT INTO authorize.pushed_request (digest, client_id, request, expire_time)
		SELECT $1, $2, $3, statement_timestamp() + $4::interval
		 WHERE (SELECT count(*)
		          FROM (SELECT 1 FROM authorize.pushed_request
		                 WHERE client_id = $2 AND expire_time > statement_timestamp()
		                 LIMIT $5) AS waiting) < $5`,
		r.Digest[:], r.Request.ClientID, string(encoded), r.Lifetime, limit)
	switch {
	case err != nil:
		return fmt.Errorf("insert pushed request: %w", err)
	case inserted == 0:
		return ErrTooMany
	}
	return nil
}

// Find reads the primary, and takes nothing. Fails with ErrNotFound.
func (s *Store) Find(ctx context.Context, digest secret.Digest) (authreq.Request, error) {
	var encoded []byte
	err := s.db.QueryRow(ctx, `
		SELECT request
		  FROM authorize.pushed_request
		 WHERE digest = $1 AND expire_time > statement_timestamp()`, digest[:]).Scan(&encoded)
	switch {
	case errors.Is(err, database.ErrNoRows):
		return authreq.Request{}, ErrNotFound
	case err != nil:
		return authreq.Request{}, fmt.Errorf("select pushed request: %w", err)
	}
	return authreq.Unmarshal(encoded)
}

// Take deletes a request. Of any number of callers exactly one succeeds; the
// rest get ErrNotFound.
func (s *Store) Take(ctx context.Context, digest secret.Digest) error {
	return s.db.InTx(ctx, func(tx *database.Tx) error { return Take(ctx, tx, digest) })
}

// Take is [Store.Take] within the transaction of another store. The row lock of
// the DELETE is the gate: the second caller waits for the first, and finds
// nothing.
func Take(ctx context.Context, tx *database.Tx, digest secret.Digest) error {
	deleted, err := tx.Exec(ctx, `
		DELETE FROM authorize.pushed_request
		 WHERE digest = $1 AND expire_time > statement_timestamp()`, digest[:])
	switch {
	case err != nil:
		return fmt.Errorf("delete pushed request: %w", err)
	case deleted == 0:
		return ErrNotFound
	}
	return nil
}

// Sweeps returns the requests that are over, for deletion.
func (s *Store) Sweeps() []sweep.Table {
	return database.Sweeps(s.db, sweep.Rule{Table: "authorize.pushed_request", Key: "digest", Due: "expire_time"})
}
