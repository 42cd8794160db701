// Package clientsecretsqlite keeps client secrets in SQLite.
package clientsecretsqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

var _ clientsecret.Store = (*Store)(nil)

// Store implements clientsecret.Store.
type Store struct {
	db   *sqlite.DB
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *sqlite.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Create implements clientsecret.Store. Write transactions run one after
// another, which locks the client as well.
func (s *Store) Create(ctx context.Context, clientID string, sec clientsecret.Secret) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		var (
			method, list string
			have         int
		)
		err := tx.QueryRowContext(ctx, `
			SELECT token_endpoint_auth_method, token_endpoint_auth_methods_supported,
			       (SELECT count(*) FROM registry_client_secret AS s WHERE s.client_id = c.client_id)
			  FROM registry_client AS c
			 WHERE c.client_id = ?`, clientID).Scan(&method, &list, &have)
		if errors.Is(err, sql.ErrNoRows) {
			return clientsecret.ErrClientNotFound
		}
		if err != nil {
			return fmt.Errorf("count client secrets: %w", err)
		}
		var supported []string
		if err := json.Unmarshal([]byte(list), &supported); err != nil {
			return fmt.Errorf("decode authentication methods of client: %w", err)
		}
		if err := clientsecret.Admit(oauth.AuthMethods(method, supported), have); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO registry_client_secret (secret_id, client_id, digest, hint)
			VALUES (?, ?, ?, ?)`, sec.ID.String(), clientID, sec.Digest[:], sec.Hint)
		if err != nil {
			return fmt.Errorf("insert client secret: %w", err)
		}
		return eventsqlite.Append(ctx, tx, clientsecret.Created(ctx, clientID, sec.ID))
	})
}

// List implements clientsecret.Store. The row of the client is there even if
// those of secrets are not.
func (s *Store) List(ctx context.Context, clientID string) ([]clientsecret.Secret, error) {
	rows, err := s.db.Read().QueryContext(ctx, `
		SELECT s.secret_id, s.digest, s.hint, s.create_time, s.last_use_time
		  FROM registry_client AS c
		  LEFT JOIN registry_client_secret AS s USING (client_id)
		 WHERE c.client_id = ?
		 ORDER BY s.create_time, s.secret_id`, clientID)
	if err != nil {
		return nil, fmt.Errorf("select client secrets: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
	var (
		list  []clientsecret.Secret
		known bool
	)
	for rows.Next() {
		known = true
		sec, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("select client secrets: %w", err)
		}
		if sec.ID != uuid.Nil {
			list = append(list, sec)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("select client secrets: %w", err)
	}
	if !known {
		return nil, clientsecret.ErrClientNotFound
	}
	return list, nil
}

// scan returns the zero Secret for a client without any.
func scan(rows *sql.Rows) (clientsecret.Secret, error) {
	var (
		id               uuid.NullUUID
		digest           []byte
		hint             sql.NullString
		created, lastUse sql.NullInt64
	)
	if err := rows.Scan(&id, &digest, &hint, &created, &lastUse); err != nil || !id.Valid {
		return clientsecret.Secret{}, err
	}
	sec := clientsecret.Secret{
		ID: id.UUID, Digest: secret.Digest(digest), Hint: hint.String, CreateTime: sqlite.FromTime(created.Int64),
	}
	if lastUse.Valid {
		sec.LastUseTime = sqlite.FromTime(lastUse.Int64)
	}
	return sec, nil
}

// Revoke implements clientsecret.Store.
func (s *Store) Revoke(ctx context.Context, clientID string, id uuid.UUID) ([]coherent.Restriction, error) {
	revoked := coherent.Secret(id)
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `
			DELETE FROM registry_client_secret
			 WHERE secret_id = ? AND client_id = ?`, id.String(), clientID)
		if err != nil {
			return fmt.Errorf("delete client secret: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(clientsecret.ErrNotFound, err)
		}
		if err := eventsqlite.Append(ctx, tx, clientsecret.Revoked(ctx, clientID, id)); err != nil {
			return err
		}
		return coherentsqlite.Append(ctx, tx, s.keep, revoked)
	})
	if err != nil {
		return nil, err
	}
	return []coherent.Restriction{revoked}, nil
}

// NoteUse implements clientsecret.Store.
func (s *Store) NoteUse(ctx context.Context, id uuid.UUID) error {
	const hourMicros = `3600000000`
	_, err := s.db.Write().ExecContext(ctx, `
		UPDATE registry_client_secret
		   SET last_use_time = `+sqlite.NowMicros+`
		 WHERE secret_id = ?
		   AND (last_use_time IS NULL OR last_use_time < `+sqlite.NowMicros+` - `+hourMicros+`)`, id.String())
	if err != nil {
		return fmt.Errorf("update client secret: %w", err)
	}
	return nil
}
