package client

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
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

// Store keeps clients. It is safe for concurrent use, across processes too.
//
// An id is compared by its bytes; one that no client has, whatever its form,
// is not found.
type Store struct {
	db   *database.DB
	keep time.Duration
}

// NewStore returns a store on db, which must be migrated. Restrictions are kept for
// keep.
func NewStore(db *database.DB, keep time.Duration) *Store { return &Store{db: db, keep: keep} }

// Create adds c and, unless nil, its first secret. It returns c with what the
// registry adds. The id must be new. Of the limits those count that c falls under:
// of many callers no more succeed than they allow. Fails with ErrTooManyApps,
// ErrTooManyRegistered, ErrOwnerEnded, ErrNameHeld, ErrNameVouched. Where the
// preset alone vouches for c, c is not vetted if its name looks like that of
// another owner's client.
func (s *Store) Create(ctx context.Context, c Client, first *clientsecret.Secret, most Limits) (Client, error) {
	var created Client
	err := s.db.InTx(ctx, func(tx *database.Tx) error {
		err := admit(ctx, tx, &c, most)
		if err != nil {
			return err
		}
		created, err = scan(tx.QueryRow(ctx, insertClient, append(c.values(), c.WorkspaceID, digest(&c.RegistrationDigest))...))
		if err != nil {
			return fmt.Errorf("insert client: %w", err)
		}
		if err := insertOrigins(ctx, tx, c); err != nil {
			return err
		}
		if err := insertSecret(ctx, tx, c.ClientID, first); err != nil {
			return err
		}
		return eventdb.Append(ctx, tx, Created(ctx, created, first)...)
	})
	return created, err
}

func insertSecret(ctx context.Context, tx *database.Tx, clientID string, sec *clientsecret.Secret) error {
	if sec == nil {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO registry.client_secret (secret_id, client_id, digest, hint)
		VALUES ($1, $2, $3, $4)`, sec.ID.String(), clientID, sec.Digest[:], sec.Hint)
	if err != nil {
		return fmt.Errorf("insert client secret: %w", err)
	}
	return nil
}

func insertOrigins(ctx context.Context, tx *database.Tx, c Client) error {
	err := tx.InsertEach(ctx, `
		INSERT INTO registry.client_origin (client_id, origin)
		SELECT $1, * FROM unnest($2::text[])`, c.ClientID, c.WebOrigins())
	if err != nil {
		return fmt.Errorf("insert client origins: %w", err)
	}
	return nil
}

// Find reads the primary. Fails with ErrNotFound.
func (s *Store) Find(ctx context.Context, clientID string) (Client, error) {
	return found(scan(s.db.QueryRow(ctx, `SELECT `+columns+` FROM registry.client WHERE client_id = $1`, database.Key(clientID))))
}

// found names the error of a query for one client.
func found(c Client, err error) (Client, error) {
	if errors.Is(err, database.ErrNoRows) {
		return Client{}, ErrNotFound
	}
	if err != nil {
		return Client{}, fmt.Errorf("select client: %w", err)
	}
	return c, nil
}

// List returns up to limit clients after the cursor, oldest first.
func (s *Store) List(ctx context.Context, after Cursor, limit int) ([]Client, error) {
	return collect(ctx, s.db, `
		SELECT `+columns+`
		  FROM registry.client
		 WHERE (create_time, client_id) > ($1, $2)
		 ORDER BY create_time, client_id
		 LIMIT $3`, after.CreateTime, after.ClientID, limit)
}

// Update replaces the metadata if the revision is the current one. In the same
// transaction it logs what the change restricts, and returns that. The owner, the
// registration, the logo and the last use stay as they are. A new name counts as
// for Create. Fails with ErrNotFound, ErrChanged, ErrNameHeld, ErrNameVouched. The
// gate is the revision in the condition of the UPDATE.
func (s *Store) Update(ctx context.Context, change Change) (Client, []coherent.Restriction, error) {
	var (
		updated      Client
		restrictions []coherent.Restriction
	)
	err := s.db.InTx(ctx, func(tx *database.Tx) error {
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
		if err := eventdb.Append(ctx, tx, Updated(ctx, updated, restrictions, change.NewSecret)...); err != nil {
			return err
		}
		return coherentdb.Append(ctx, tx, s.keep, restrictions...)
	})
	if err != nil {
		return Client{}, nil, err
	}
	return updated, restrictions, nil
}

func update(ctx context.Context, tx *database.Tx, change Change) (Client, error) {
	c := change.Client
	updated, err := scan(tx.QueryRow(ctx, updateClient, append(c.values(), change.Narrows, change.ScopeShrinks, c.Revision)...))
	if errors.Is(err, database.ErrNoRows) {
		return Client{}, whyNotUpdated(ctx, tx, c.ClientID)
	}
	if err != nil {
		return Client{}, fmt.Errorf("update client: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM registry.client_origin WHERE client_id = $1`, c.ClientID); err != nil {
		return Client{}, fmt.Errorf("delete client origins: %w", err)
	}
	return updated, insertOrigins(ctx, tx, c)
}

func whyNotUpdated(ctx context.Context, tx *database.Tx, clientID string) error {
	var exists bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM registry.client WHERE client_id = $1)`, database.Key(clientID)).Scan(&exists)
	switch {
	case err != nil:
		return fmt.Errorf("select client: %w", err)
	case exists:
		return ErrChanged
	default:
		return ErrNotFound
	}
}

// restrict returns what the change takes away, and drops the secrets that are
// of no use after it.
func restrict(ctx context.Context, tx *database.Tx, change Change, updated Client) ([]coherent.Restriction, error) {
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
	ids, err := database.Collect(ctx, tx, database.Scan[uuid.UUID],
		`DELETE FROM registry.client_secret WHERE client_id = $1 RETURNING secret_id`, updated.ClientID)
	if err != nil {
		return nil, fmt.Errorf("delete client secrets: %w", err)
	}
	for _, id := range ids {
		restrictions = append(restrictions, coherent.Secret(id))
	}
	return restrictions, nil
}

// HasOrigin reports whether some client has a redirect URI of the origin.
func (s *Store) HasOrigin(ctx context.Context, origin string) (bool, error) {
	var has bool
	err := s.db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM registry.client_origin WHERE origin = $1)`, database.Key(origin)).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("select client origin: %w", err)
	}
	return has, nil
}
