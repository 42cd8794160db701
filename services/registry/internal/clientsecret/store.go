package clientsecret

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// Store keeps client secrets. It is safe for concurrent use,
// across processes too.
type Store struct {
	db   *database.DB
	keep time.Duration
}

// NewStore returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func NewStore(db *database.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Create adds a secret if Admit agrees, of which it decides with the client locked:
// of many callers no more than Max succeed. Fails with ErrClientNotFound,
// ErrUnused, ErrTooMany. The lock on the client makes callers count one after
// another, and keeps its authentication methods as they are.
func (s *Store) Create(ctx context.Context, clientID string, sec Secret) error {
	return s.db.InTx(ctx, func(tx *database.Tx) error {
		var (
			method    string
			supported []string
		)
		err := tx.QueryRow(ctx, `
			SELECT token_endpoint_auth_method, token_endpoint_auth_methods_supported
			  FROM registry.client
			 WHERE client_id = $1
			   FOR UPDATE`, database.Key(clientID)).Scan(&method, &supported)
		if errors.Is(err, database.ErrNoRows) {
			return ErrClientNotFound
		}
		if err != nil {
			return fmt.Errorf("lock client: %w", err)
		}
		var have int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM registry.client_secret WHERE client_id = $1`, clientID).Scan(&have); err != nil {
			return fmt.Errorf("count client secrets: %w", err)
		}
		if err := Admit(oauth.AuthMethods(method, supported), have); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO registry.client_secret (secret_id, client_id, digest, hint)
			VALUES ($1, $2, $3, $4)`, sec.ID.String(), clientID, sec.Digest[:], sec.Hint)
		if err != nil {
			return fmt.Errorf("insert client secret: %w", err)
		}
		return eventdb.Append(ctx, tx, Created(ctx, clientID, sec.ID))
	})
}

// List returns the client's secrets, oldest first. Fails with ErrClientNotFound.
// The row of the client is there even if those of secrets are not.
func (s *Store) List(ctx context.Context, clientID string) ([]Secret, error) {
	secrets, err := database.Collect(ctx, s.db, scan, `
		SELECT s.secret_id, s.digest, s.hint, s.create_time, s.last_use_time
		  FROM registry.client AS c
		  LEFT JOIN registry.client_secret AS s USING (client_id)
		 WHERE c.client_id = $1
		 ORDER BY s.create_time, s.secret_id`, database.Key(clientID))
	switch {
	case err != nil:
		return nil, fmt.Errorf("select client secrets: %w", err)
	case len(secrets) == 0:
		return nil, ErrClientNotFound
	case secrets[0].ID == uuid.Nil:
		return nil, nil
	}
	return secrets, nil
}

// scan returns the zero Secret for a client without any.
func scan(row database.Row) (s Secret, err error) {
	var digest []byte
	err = row.Scan(database.Null(&s.ID), &digest, database.Null(&s.Hint), database.Null(&s.CreateTime), database.Null(&s.LastUseTime))
	copy(s.Digest[:], digest)
	return s, err
}

// Revoke removes a secret, and logs that in the same transaction. Fails with
// ErrNotFound, also for the secret of another client.
func (s *Store) Revoke(ctx context.Context, clientID string, id uuid.UUID) ([]coherent.Restriction, error) {
	revoked := coherent.Secret(id)
	err := s.db.InTx(ctx, func(tx *database.Tx) error {
		changed, err := tx.Exec(ctx, `
			DELETE FROM registry.client_secret
			 WHERE secret_id = $1 AND client_id = $2`, id.String(), database.Key(clientID))
		if err != nil {
			return fmt.Errorf("delete client secret: %w", err)
		}
		if changed == 0 {
			return ErrNotFound
		}
		if err := eventdb.Append(ctx, tx, Revoked(ctx, clientID, id)); err != nil {
			return err
		}
		return coherentdb.Append(ctx, tx, s.keep, revoked)
	})
	if err != nil {
		return nil, err
	}
	return []coherent.Restriction{revoked}, nil
}

// NoteUse sets the last use of the secret to now if it is more than an hour ago. A
// secret that is gone is none of its concern.
func (s *Store) NoteUse(ctx context.Context, id uuid.UUID) error {
	_, err := s.db.Exec(ctx, `
		UPDATE registry.client_secret
		   SET last_use_time = statement_timestamp()
		 WHERE secret_id = $1
		   AND (last_use_time IS NULL OR last_use_time < statement_timestamp() - $2::interval)`, id.String(), time.Hour)
	if err != nil {
		return fmt.Errorf("update client secret: %w", err)
	}
	return nil
}
