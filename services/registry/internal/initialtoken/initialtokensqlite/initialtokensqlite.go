// Package initialtokensqlite keeps initial access tokens in SQLite.
package initialtokensqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken"
)

var _ initialtoken.Store = (*Store)(nil)

// Store implements initialtoken.Store.
type Store struct{ db *sqlite.DB }

// New returns a store on db, which must be migrated.
func New(db *sqlite.DB) *Store { return &Store{db: db} }

// Create implements initialtoken.Store. Write transactions run one after another,
// so that callers count one after another too.
func (s *Store) Create(ctx context.Context, t initialtoken.Token, lifetime time.Duration) (initialtoken.Token, error) {
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		var created, expire int64
		err := tx.QueryRowContext(ctx, `
			INSERT INTO registry_initial_access_token (token_id, digest, hint, expire_time)
			SELECT ?, ?, ?, `+sqlite.NowMicros+` + ?
			 WHERE (SELECT count(*)
			          FROM registry_initial_access_token
			         WHERE expire_time > `+sqlite.NowMicros+`) < ?
			RETURNING create_time, expire_time`,
			t.ID.String(), t.Digest[:], t.Hint, lifetime.Microseconds(), initialtoken.Max).Scan(&created, &expire)
		if errors.Is(err, sql.ErrNoRows) {
			return initialtoken.ErrTooMany
		}
		if err != nil {
			return fmt.Errorf("insert initial access token: %w", err)
		}
		t.CreateTime, t.ExpireTime = sqlite.FromTime(created), sqlite.FromTime(expire)
		return eventsqlite.Append(ctx, tx, initialtoken.Created(t.ID))
	})
	if err != nil {
		return initialtoken.Token{}, err
	}
	return t, nil
}

// List implements initialtoken.Store.
func (s *Store) List(ctx context.Context) ([]initialtoken.Token, error) {
	rows, err := s.db.Read().QueryContext(ctx, `
		SELECT token_id, digest, hint, create_time, expire_time
		  FROM registry_initial_access_token
		 WHERE expire_time > `+sqlite.NowMicros+`
		 ORDER BY create_time, token_id`)
	if err != nil {
		return nil, fmt.Errorf("select initial access tokens: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
	var list []initialtoken.Token
	for rows.Next() {
		t, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("select initial access tokens: %w", err)
		}
		list = append(list, t)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("select initial access tokens: %w", err)
	}
	return list, nil
}

// Find implements initialtoken.Store.
func (s *Store) Find(ctx context.Context, digest secret.Digest) (initialtoken.Token, error) {
	t, err := scan(s.db.Read().QueryRowContext(ctx, `
		SELECT token_id, digest, hint, create_time, expire_time
		  FROM registry_initial_access_token
		 WHERE digest = ? AND expire_time > `+sqlite.NowMicros, digest[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return initialtoken.Token{}, initialtoken.ErrNotFound
	}
	if err != nil {
		return initialtoken.Token{}, fmt.Errorf("select initial access token: %w", err)
	}
	return t, nil
}

func scan(row interface{ Scan(dest ...any) error }) (initialtoken.Token, error) {
	var (
		t               initialtoken.Token
		digest          []byte
		created, expire int64
	)
	if err := row.Scan(&t.ID, &digest, &t.Hint, &created, &expire); err != nil {
		return initialtoken.Token{}, err
	}
	t.Digest, t.CreateTime, t.ExpireTime = secret.Digest(digest), sqlite.FromTime(created), sqlite.FromTime(expire)
	return t, nil
}

const deleteToken = `
	DELETE FROM registry_initial_access_token
	 WHERE token_id = ? AND expire_time > ` + sqlite.NowMicros

// Revoke implements initialtoken.Store.
func (s *Store) Revoke(ctx context.Context, id uuid.UUID) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, deleteToken, id.String())
		if err != nil {
			return fmt.Errorf("delete initial access token: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(initialtoken.ErrNotFound, err)
		}
		return eventsqlite.Append(ctx, tx, initialtoken.Revoked(id))
	})
}

// Sweeps implements initialtoken.Store.
func (s *Store) Sweeps() []sweep.Table { return sweepsqlite.Tables(s.db, initialtoken.Sweeps()...) }
