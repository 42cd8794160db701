// Package logosqlite keeps logos in SQLite.
package logosqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/logo"
)

var _ logo.Store = (*Store)(nil)

// Store implements logo.Store.
type Store struct{ db *sqlite.DB }

// New returns a store on db, which must be migrated.
func New(db *sqlite.DB) *Store { return &Store{db: db} }

// Find implements logo.Store.
func (s *Store) Find(ctx context.Context, digest secret.Digest) (png []byte, err error) {
	err = s.db.Read().QueryRowContext(ctx, `SELECT png FROM registry_logo WHERE digest = ?`, digest[:]).Scan(&png)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, logo.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("select logo: %w", err)
	}
	return png, nil
}

// Set implements logo.Store.
func (s *Store) Set(ctx context.Context, clientID string, l *logo.Logo) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		digest, err := insert(ctx, tx, l)
		if err != nil {
			return err
		}
		var scope string
		err = tx.QueryRowContext(ctx, `
			UPDATE registry_client
			   SET logo_digest = ?
			 WHERE client_id = ?
			RETURNING scope`, digest, clientID).Scan(&scope)
		if errors.Is(err, sql.ErrNoRows) {
			return client.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("update logo of client: %w", err)
		}
		changed := client.Client{ClientID: clientID, Scope: strings.Fields(scope)}
		return eventsqlite.Append(ctx, tx, client.Updated(ctx, changed, nil, nil)...)
	})
}

// insert returns the digest as a column has it: NULL for no logo.
func insert(ctx context.Context, tx *sql.Tx, l *logo.Logo) (digest any, err error) {
	if l == nil {
		return nil, nil
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO registry_logo (digest, png)
		VALUES (?, ?)
		ON CONFLICT (digest) DO NOTHING`, l.Digest[:], l.PNG)
	if err != nil {
		return nil, fmt.Errorf("insert logo: %w", err)
	}
	return l.Digest[:], nil
}

// Sweeps implements logo.Store.
func (s *Store) Sweeps() []sweep.Table {
	return []sweep.Table{{Name: "registry.logo", Now: sweepsqlite.Now(s.db), Delete: (&sweeper{db: s.db}).batch}}
}

// sweeper looks through the logos, page by page in the order of their digests.
type sweeper struct {
	db    *sqlite.DB
	after []byte
}

// batch is sweep.Table.Delete.
func (s *sweeper) batch(ctx context.Context, _ time.Time, limit int) (b sweep.Batch, err error) {
	var looked int
	var last []byte
	after := append([]byte{}, s.after...)
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `
			SELECT count(*), max(digest)
			  FROM (SELECT digest FROM registry_logo WHERE digest > ?1 ORDER BY digest LIMIT ?2)`, after, limit).Scan(&looked, &last)
		if err != nil || looked == 0 {
			return err
		}
		result, err := tx.ExecContext(ctx, `
			DELETE FROM registry_logo
			 WHERE digest > ?1 AND digest <= ?2
			   AND NOT EXISTS (SELECT 1 FROM registry_client AS c WHERE c.logo_digest = registry_logo.digest)`, after, last)
		if err != nil {
			return err
		}
		b.Rows, err = result.RowsAffected()
		return err
	})
	if err != nil {
		return sweep.Batch{}, fmt.Errorf("delete logos: %w", err)
	}
	s.after = nil
	if b.More = looked == limit; b.More {
		s.after = last
	}
	return b, nil
}
