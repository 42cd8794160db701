// Package initialtokenpg keeps initial access tokens in PostgreSQL.
package initialtokenpg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken"
)

var _ initialtoken.Store = (*Store)(nil)

// Store implements initialtoken.Store.
type Store struct{ db *pgxpool.Pool }

// New returns a store on db, which must be migrated.
func New(db *pgxpool.Pool) *Store { return &Store{db: db} }

// Create implements initialtoken.Store. The lock makes callers count one after
// another; who reads does not wait for it.
func (s *Store) Create(ctx context.Context, t initialtoken.Token, lifetime time.Duration) (initialtoken.Token, error) {
	err := pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `LOCK TABLE registry.initial_access_token IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return fmt.Errorf("lock initial access tokens: %w", err)
		}
		err := tx.QueryRow(ctx, `
			INSERT INTO registry.initial_access_token (token_id, digest, hint, expire_time)
			SELECT $1, $2, $3, statement_timestamp() + $4::interval
			 WHERE (SELECT count(*)
			          FROM registry.initial_access_token
			         WHERE expire_time > statement_timestamp()) < $5
			RETURNING create_time, expire_time`,
			t.ID, t.Digest[:], t.Hint, lifetime, initialtoken.Max).Scan(&t.CreateTime, &t.ExpireTime)
		if errors.Is(err, pgx.ErrNoRows) {
			return initialtoken.ErrTooMany
		}
		if err != nil {
			return fmt.Errorf("insert initial access token: %w", err)
		}
		return eventpg.Append(ctx, tx, initialtoken.Created(t.ID))
	})
	if err != nil {
		return initialtoken.Token{}, err
	}
	t.CreateTime, t.ExpireTime = t.CreateTime.UTC(), t.ExpireTime.UTC()
	return t, nil
}

// List implements initialtoken.Store.
func (s *Store) List(ctx context.Context) ([]initialtoken.Token, error) {
	rows, err := s.db.Query(ctx, `
		SELECT token_id, digest, hint, create_time, expire_time
		  FROM registry.initial_access_token
		 WHERE expire_time > statement_timestamp()
		 ORDER BY create_time, token_id`)
	if err != nil {
		return nil, fmt.Errorf("select initial access tokens: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (initialtoken.Token, error) { return scan(row) })
	if err != nil {
		return nil, fmt.Errorf("select initial access tokens: %w", err)
	}
	return list, nil
}

// Find implements initialtoken.Store.
func (s *Store) Find(ctx context.Context, digest secret.Digest) (initialtoken.Token, error) {
	t, err := scan(s.db.QueryRow(ctx, `
		SELECT token_id, digest, hint, create_time, expire_time
		  FROM registry.initial_access_token
		 WHERE digest = $1 AND expire_time > statement_timestamp()`, digest[:]))
	if errors.Is(err, pgx.ErrNoRows) {
		return initialtoken.Token{}, initialtoken.ErrNotFound
	}
	if err != nil {
		return initialtoken.Token{}, fmt.Errorf("select initial access token: %w", err)
	}
	return t, nil
}

func scan(row pgx.Row) (initialtoken.Token, error) {
	var (
		t      initialtoken.Token
		digest []byte
	)
	if err := row.Scan(&t.ID, &digest, &t.Hint, &t.CreateTime, &t.ExpireTime); err != nil {
		return initialtoken.Token{}, err
	}
	t.Digest, t.CreateTime, t.ExpireTime = secret.Digest(digest), t.CreateTime.UTC(), t.ExpireTime.UTC()
	return t, nil
}

// Revoke implements initialtoken.Store.
func (s *Store) Revoke(ctx context.Context, id uuid.UUID) error {
	return pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			DELETE FROM registry.initial_access_token
			 WHERE token_id = $1 AND expire_time > statement_timestamp()`, id)
		if err != nil {
			return fmt.Errorf("delete initial access token: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return initialtoken.ErrNotFound
		}
		return eventpg.Append(ctx, tx, initialtoken.Revoked(id))
	})
}

// Sweeps implements initialtoken.Store.
func (s *Store) Sweeps() []sweep.Table { return sweeppg.Tables(s.db, initialtoken.Sweeps()...) }
