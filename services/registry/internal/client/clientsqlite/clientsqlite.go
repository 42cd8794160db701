// Package clientsqlite keeps clients in SQLite.
package clientsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/authentication"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

var (
	_ client.Store           = (*Store)(nil)
	_ client.Lists           = (*Store)(nil)
	_ client.Origins         = (*Store)(nil)
	_ authentication.Clients = (*Store)(nil)
)

// Store implements client.Store, client.Lists, client.Origins and authentication.Clients.
type Store struct {
	db   *sqlite.DB
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *sqlite.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Create implements client.Store.
func (s *Store) Create(ctx context.Context, c client.Client, first *clientsecret.Secret, most client.Limits) (client.Client, error) {
	var created client.Client
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		if err := admit(ctx, tx, &c, most); err != nil {
			return err
		}
		args, err := metadata(c)
		if err != nil {
			return err
		}
		created, err = scan(tx.QueryRowContext(ctx, insertClient, args...))
		if err != nil {
			return fmt.Errorf("insert client: %w", err)
		}
		if err := insertOrigins(ctx, tx, c); err != nil {
			return err
		}
		if err := insertSecret(ctx, tx, c.ClientID, first); err != nil {
			return err
		}
		return eventsqlite.Append(ctx, tx, client.Created(ctx, created, first)...)
	})
	return created, err
}

func insertSecret(ctx context.Context, tx *sql.Tx, clientID string, sec *clientsecret.Secret) error {
	if sec == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO registry_client_secret (secret_id, client_id, digest, hint)
		VALUES (?, ?, ?, ?)`, sec.ID.String(), clientID, sec.Digest[:], sec.Hint)
	if err != nil {
		return fmt.Errorf("insert client secret: %w", err)
	}
	return nil
}

func insertOrigins(ctx context.Context, tx *sql.Tx, c client.Client) error {
	origins, err := list(c.WebOrigins())
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO registry_client_origin (origin, client_id)
		SELECT value, ? FROM json_each(?)`, c.ClientID, origins)
	if err != nil {
		return fmt.Errorf("insert client origins: %w", err)
	}
	return nil
}

// Find implements client.Store.
func (s *Store) Find(ctx context.Context, clientID string) (client.Client, error) {
	return found(scan(s.db.Read().QueryRowContext(ctx, `SELECT `+columns+` FROM registry_client WHERE client_id = ?`, clientID)))
}

// found names the error of a query for one client.
func found(c client.Client, err error) (client.Client, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return client.Client{}, client.ErrNotFound
	}
	if err != nil {
		return client.Client{}, fmt.Errorf("select client: %w", err)
	}
	return c, nil
}

// List implements client.Store.
func (s *Store) List(ctx context.Context, after client.Cursor, limit int) ([]client.Client, error) {
	rows, err := s.db.Read().QueryContext(ctx, `
		SELECT `+columns+`
		  FROM registry_client
		 WHERE (create_time, client_id) > (?, ?)
		 ORDER BY create_time, client_id
		 LIMIT ?`, sqlite.Time(after.CreateTime), after.ClientID, limit)
	return collect(rows, err)
}

// Update implements client.Store. The gate is the revision in the condition of
// the UPDATE.
func (s *Store) Update(ctx context.Context, change client.Change) (client.Client, []coherent.Restriction, error) {
	var (
		updated      client.Client
		restrictions []coherent.Restriction
	)
	err := s.db.InTx(ctx, func(tx *sql.Tx) error {
		if change.Renames {
			if err := checkName(ctx, tx, &change.Client); err != nil {
				return err
			}
		}
		var err error
		if updated, err = update(ctx, tx, change); err != nil {
			return err
		}
		if restrictions, err = restrict(ctx, tx, change, updated); err != nil {
			return err
		}
		if err := insertSecret(ctx, tx, updated.ClientID, change.NewSecret); err != nil {
			return err
		}
		if err := eventsqlite.Append(ctx, tx, client.Updated(ctx, updated, restrictions, change.NewSecret)...); err != nil {
			return err
		}
		return coherentsqlite.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return client.Client{}, nil, err
	}
	return updated, restrictions, nil
}

func update(ctx context.Context, tx *sql.Tx, change client.Change) (client.Client, error) {
	c := change.Client
	args, err := metadata(c)
	if err != nil {
		return client.Client{}, err
	}
	args = append(args, sql.Named("revision", c.Revision), sql.Named("narrows", change.Narrows), sql.Named("scope_shrinks", change.ScopeShrinks))
	updated, err := scan(tx.QueryRowContext(ctx, updateClient, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return client.Client{}, whyNotUpdated(ctx, tx, c.ClientID)
	}
	if err != nil {
		return client.Client{}, fmt.Errorf("update client: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM registry_client_origin WHERE client_id = ?`, c.ClientID); err != nil {
		return client.Client{}, fmt.Errorf("delete client origins: %w", err)
	}
	return updated, insertOrigins(ctx, tx, c)
}

func whyNotUpdated(ctx context.Context, tx *sql.Tx, clientID string) error {
	var exists bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM registry_client WHERE client_id = ?)`, clientID).Scan(&exists)
	switch {
	case err != nil:
		return fmt.Errorf("select client: %w", err)
	case exists:
		return client.ErrChanged
	default:
		return client.ErrNotFound
	}
}

// restrict returns what the change takes away, and drops the secrets that are
// of no use after it.
func restrict(ctx context.Context, tx *sql.Tx, change client.Change, updated client.Client) ([]coherent.Restriction, error) {
	var restrictions []coherent.Restriction
	if change.Narrows {
		restrictions = append(restrictions, coherent.Client(updated.ClientID, updated.Version))
	}
	if change.ScopeShrinks {
		restrictions = append(restrictions, coherent.ClientScope(updated.ClientID, updated.ScopeVersion, updated.Scope.String()))
	}
	if !change.DropSecrets && change.NewSecret == nil {
		return restrictions, nil
	}
	ids, err := deleteSecrets(ctx, tx, updated.ClientID)
	if err != nil {
		return nil, fmt.Errorf("delete client secrets: %w", err)
	}
	for _, id := range ids {
		restrictions = append(restrictions, coherent.Secret(id))
	}
	return restrictions, nil
}

func deleteSecrets(ctx context.Context, tx *sql.Tx, clientID string) ([]uuid.UUID, error) {
	rows, err := tx.QueryContext(ctx, `DELETE FROM registry_client_secret WHERE client_id = ? RETURNING secret_id`, clientID)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err tells of every failure to read.
	var ids []uuid.UUID
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// HasOrigin implements client.Origins.
func (s *Store) HasOrigin(ctx context.Context, origin string) (bool, error) {
	var has bool
	err := s.db.Read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM registry_client_origin WHERE origin = ?)`, origin).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("select client origin: %w", err)
	}
	return has, nil
}
