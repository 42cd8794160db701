// Package clientsecretpg keeps client secrets in PostgreSQL.
package clientsecretpg

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

var _ clientsecret.Store = (*Store)(nil)

// Store implements clientsecret.Store.
type Store struct {
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Create implements clientsecret.Store. The lock on the client makes callers
// count one after another, and keeps its authentication methods as they are.
func (s *Store) Create(ctx context.Context, clientID string, sec clientsecret.Secret) error {
	return pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		var (
			method    string
			supported []string
		)
		err := tx.QueryRow(ctx, `
			SELECT token_endpoint_auth_method, token_endpoint_auth_methods_supported
			  FROM registry.client
			 WHERE client_id = $1
			   FOR UPDATE`, key(clientID)).Scan(&method, &supported)
		if errors.Is(err, pgx.ErrNoRows) {
			return clientsecret.ErrClientNotFound
		}
		if err != nil {
			return fmt.Errorf("lock client: %w", err)
		}
		var have int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM registry.client_secret WHERE client_id = $1`, clientID).Scan(&have); err != nil {
			return fmt.Errorf("count client secrets: %w", err)
		}
		if err := clientsecret.Admit(oauth.AuthMethods(method, supported), have); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO registry.client_secret (secret_id, client_id, digest, hint)
			VALUES ($1, $2, $3, $4)`, sec.ID, clientID, sec.Digest[:], sec.Hint)
		if err != nil {
			return fmt.Errorf("insert client secret: %w", err)
		}
		return eventpg.Append(ctx, tx, clientsecret.Created(ctx, clientID, sec.ID))
	})
}

// List implements clientsecret.Store. The row of the client is there even if
// those of secrets are not.
func (s *Store) List(ctx context.Context, clientID string) ([]clientsecret.Secret, error) {
	rows, err := s.db.Query(ctx, `
		SELECT s.secret_id, s.digest, s.hint, s.create_time, s.last_use_time
		  FROM registry.client AS c
		  LEFT JOIN registry.client_secret AS s USING (client_id)
		 WHERE c.client_id = $1
		 ORDER BY s.create_time, s.secret_id`, key(clientID))
	if err != nil {
		return nil, fmt.Errorf("select client secrets: %w", err)
	}
	scanned, err := pgx.CollectRows(rows, scan)
	switch {
	case err != nil:
		return nil, fmt.Errorf("select client secrets: %w", err)
	case len(scanned) == 0:
		return nil, clientsecret.ErrClientNotFound
	case scanned[0].ID == uuid.Nil:
		return nil, nil
	}
	return scanned, nil
}

// scan returns the zero Secret for a client without any.
func scan(row pgx.CollectableRow) (clientsecret.Secret, error) {
	var (
		id         uuid.NullUUID
		digest     []byte
		hint       *string
		created    *time.Time
		lastUseMay *time.Time
	)
	if err := row.Scan(&id, &digest, &hint, &created, &lastUseMay); err != nil || !id.Valid {
		return clientsecret.Secret{}, err
	}
	sec := clientsecret.Secret{ID: id.UUID, Digest: secret.Digest(digest), Hint: *hint, CreateTime: created.UTC()}
	if lastUseMay != nil {
		sec.LastUseTime = lastUseMay.UTC()
	}
	return sec, nil
}

// Revoke implements clientsecret.Store.
func (s *Store) Revoke(ctx context.Context, clientID string, id uuid.UUID) ([]coherent.Restriction, error) {
	revoked := coherent.Secret(id)
	err := pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			DELETE FROM registry.client_secret
			 WHERE secret_id = $1 AND client_id = $2`, id, key(clientID))
		if err != nil {
			return fmt.Errorf("delete client secret: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return clientsecret.ErrNotFound
		}
		if err := eventpg.Append(ctx, tx, clientsecret.Revoked(ctx, clientID, id)); err != nil {
			return err
		}
		return coherentpg.Append(ctx, tx, s.keep, revoked)
	})
	if err != nil {
		return nil, err
	}
	return []coherent.Restriction{revoked}, nil
}

// NoteUse implements clientsecret.Store.
func (s *Store) NoteUse(ctx context.Context, id uuid.UUID) error {
	_, err := s.db.Exec(ctx, `
		UPDATE registry.client_secret
		   SET last_use_time = statement_timestamp()
		 WHERE secret_id = $1
		   AND (last_use_time IS NULL OR last_use_time < statement_timestamp() - interval '1 hour')`, id)
	if err != nil {
		return fmt.Errorf("update client secret: %w", err)
	}
	return nil
}

// key returns s as a key to look up. No row has the empty key, and PostgreSQL
// would refuse NUL as an error.
func key(s string) string {
	if strings.ContainsRune(s, 0) {
		return ""
	}
	return s
}
