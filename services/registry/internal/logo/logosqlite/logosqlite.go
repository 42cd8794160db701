// Package logosqlite keeps logos in SQLite.
package logosqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sqlite"
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

// Sweep implements logo.Store.
func (s *Store) Sweep(ctx context.Context) error {
	_, err := s.db.Write().ExecContext(ctx, `
		DELETE FROM registry_logo
		 WHERE NOT EXISTS (SELECT 1 FROM registry_client AS c WHERE c.logo_digest = registry_logo.digest)`)
	if err != nil {
		return fmt.Errorf("delete logos: %w", err)
	}
	return nil
}
