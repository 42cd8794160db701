// Package clientpg keeps clients in PostgreSQL.
package clientpg

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
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
	db   *pgxpool.Pool
	keep time.Duration
}

// New returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func New(db *pgxpool.Pool, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Create implements client.Store.
func (s *Store) Create(ctx context.Context, c client.Client, first *clientsecret.Secret, most client.Limits) (client.Client, error) {
	var created client.Client
	err := pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		err := admit(ctx, tx, &c, most)
		if err != nil {
			return err
		}
		created, err = scan(tx.QueryRow(ctx, insertClient, metadata(c)))
		if err != nil {
			return fmt.Errorf("insert client: %w", err)
		}
		if err := insertOrigins(ctx, tx, c); err != nil {
			return err
		}
		if err := insertSecret(ctx, tx, c.ClientID, first); err != nil {
			return err
		}
		return eventpg.Append(ctx, tx, client.Created(ctx, created, first)...)
	})
	return created, err
}

func insertSecret(ctx context.Context, tx pgx.Tx, clientID string, sec *clientsecret.Secret) error {
	if sec == nil {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO registry.client_secret (secret_id, client_id, digest, hint)
		VALUES ($1, $2, $3, $4)`, sec.ID, clientID, sec.Digest[:], sec.Hint)
	if err != nil {
		return fmt.Errorf("insert client secret: %w", err)
	}
	return nil
}

func insertOrigins(ctx context.Context, tx pgx.Tx, c client.Client) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO registry.client_origin (origin, client_id)
		SELECT unnest($1::text[]), $2`, list(c.WebOrigins()), c.ClientID)
	if err != nil {
		return fmt.Errorf("insert client origins: %w", err)
	}
	return nil
}

// Find implements client.Store.
func (s *Store) Find(ctx context.Context, clientID string) (client.Client, error) {
	return found(scan(s.db.QueryRow(ctx, `SELECT `+columns+` FROM registry.client AS c WHERE c.client_id = $1`, key(clientID))))
}

// found names the error of a query for one client.
func found(c client.Client, err error) (client.Client, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return client.Client{}, client.ErrNotFound
	}
	if err != nil {
		return client.Client{}, fmt.Errorf("select client: %w", err)
	}
	return c, nil
}

// List implements client.Store.
func (s *Store) List(ctx context.Context, after client.Cursor, limit int) ([]client.Client, error) {
	rows, err := s.db.Query(ctx, `
		SELECT `+columns+`
		  FROM registry.client AS c
		 WHERE (c.create_time, c.client_id) > ($1, $2)
		 ORDER BY c.create_time, c.client_id
		 LIMIT $3`, after.CreateTime, after.ClientID, limit)
	if err != nil {
		return nil, fmt.Errorf("select clients: %w", err)
	}
	return collect(rows)
}

// Update implements client.Store. The gate is the revision in the condition of
// the UPDATE.
func (s *Store) Update(ctx context.Context, change client.Change) (client.Client, []coherent.Restriction, error) {
	var (
		updated      client.Client
		restrictions []coherent.Restriction
	)
	err := pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
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
		if err := eventpg.Append(ctx, tx, client.Updated(ctx, updated, restrictions, change.NewSecret)...); err != nil {
			return err
		}
		return coherentpg.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return client.Client{}, nil, err
	}
	return updated, restrictions, nil
}

func update(ctx context.Context, tx pgx.Tx, change client.Change) (client.Client, error) {
	c := change.Client
	args := metadata(c)
	args["revision"], args["narrows"], args["scope_shrinks"] = c.Revision, change.Narrows, change.ScopeShrinks
	updated, err := scan(tx.QueryRow(ctx, updateClient, args))
	if errors.Is(err, pgx.ErrNoRows) {
		return client.Client{}, whyNotUpdated(ctx, tx, c.ClientID)
	}
	if err != nil {
		return client.Client{}, fmt.Errorf("update client: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM registry.client_origin WHERE client_id = $1`, c.ClientID); err != nil {
		return client.Client{}, fmt.Errorf("delete client origins: %w", err)
	}
	return updated, insertOrigins(ctx, tx, c)
}

func whyNotUpdated(ctx context.Context, tx pgx.Tx, clientID string) error {
	var exists bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM registry.client WHERE client_id = $1)`, key(clientID)).Scan(&exists)
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
func restrict(ctx context.Context, tx pgx.Tx, change client.Change, updated client.Client) ([]coherent.Restriction, error) {
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
	rows, err := tx.Query(ctx, `DELETE FROM registry.client_secret WHERE client_id = $1 RETURNING secret_id`, updated.ClientID)
	if err != nil {
		return nil, fmt.Errorf("delete client secrets: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
	if err != nil {
		return nil, fmt.Errorf("delete client secrets: %w", err)
	}
	for _, id := range ids {
		restrictions = append(restrictions, coherent.Secret(id))
	}
	return restrictions, nil
}

// HasOrigin implements client.Origins.
func (s *Store) HasOrigin(ctx context.Context, origin string) (bool, error) {
	var has bool
	err := s.db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM registry.client_origin WHERE origin = $1)`, key(origin)).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("select client origin: %w", err)
	}
	return has, nil
}

// key returns s as a key to look up. No row has the empty key, and PostgreSQL
// would refuse NUL as an error.
func key(s string) string {
	if strings.ContainsRune(s, 0) {
		return ""
	}
	return s
}
