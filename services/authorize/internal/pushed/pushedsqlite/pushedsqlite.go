// Package pushedsqlite keeps pushed authorization requests in SQLite.
package pushedsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
)

var _ pushed.Store = (*Store)(nil)

// Store implements pushed.Store.
type Store struct{ db *sqlite.DB }

// New returns a store on db, which must be migrated.
func New(db *sqlite.DB) *Store { return &Store{db} }

// Create implements pushed.Store. The count looks at no more rows than the limit.
func (s *Store) Create(ctx context.Context, r pushed.New, limit int) error {
	encoded, err := r.Request.Marshal()
	if err != nil {
		return err
	}
	inserted, err := affected(s.db.Write().ExecContext(ctx, `
		INSERT INTO authorize_pushed_request (digest, client_id, request, expire_time)
		SELECT ?1, ?2, ?3, `+sqlite.NowMicros+` + ?4
		 WHERE (SELECT count(*)
		          FROM (SELECT 1 FROM authorize_pushed_request
		                 WHERE client_id = ?2 AND expire_time > `+sqlite.NowMicros+`
		                 LIMIT ?5)) < ?5`,
		r.Digest[:], r.Request.ClientID, string(encoded), r.Lifetime.Microseconds(), limit))
	switch {
	case err != nil:
		return fmt.Errorf("insert pushed request: %w", err)
	case inserted == 0:
		return pushed.ErrTooMany
	}
	return nil
}

// Find implements pushed.Store.
func (s *Store) Find(ctx context.Context, digest secret.Digest) (authreq.Request, error) {
	var encoded []byte
	err := s.db.Read().QueryRowContext(ctx, `
		SELECT request
		  FROM authorize_pushed_request
		 WHERE digest = ?1 AND expire_time > `+sqlite.NowMicros, digest[:]).Scan(&encoded)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return authreq.Request{}, pushed.ErrNotFound
	case err != nil:
		return authreq.Request{}, fmt.Errorf("select pushed request: %w", err)
	}
	return authreq.Unmarshal(encoded)
}

// Take implements pushed.Store.
func (s *Store) Take(ctx context.Context, digest secret.Digest) error {
	return Take(ctx, s.db.Write(), digest)
}

// Execer is a pool or a transaction.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Take is [Store.Take] within the transaction of another store. Write
// transactions run one after another, so that the second caller finds nothing.
func Take(ctx context.Context, db Execer, digest secret.Digest) error {
	deleted, err := affected(db.ExecContext(ctx, `
		DELETE FROM authorize_pushed_request
		 WHERE digest = ?1 AND expire_time > `+sqlite.NowMicros, digest[:]))
	switch {
	case err != nil:
		return fmt.Errorf("delete pushed request: %w", err)
	case deleted == 0:
		return pushed.ErrNotFound
	}
	return nil
}

// Sweeps implements pushed.Store.
func (s *Store) Sweeps() []sweep.Table { return sweepsqlite.Tables(s.db, pushed.Sweeps()...) }

func affected(r sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}
