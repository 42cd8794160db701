package clientsqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// Delete implements client.Store. Secrets and origins go with the client.
func (s *Store) Delete(ctx context.Context, clientID string) (restrictions []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		deleted, err := collect(tx.QueryContext(ctx, `DELETE FROM registry_client WHERE client_id = ? RETURNING `+columns, clientID))
		if err != nil {
			return err
		}
		if len(deleted) == 0 {
			return client.ErrNotFound
		}
		restrictions, err = s.bury(ctx, tx, deleted)
		return err
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}

// DeleteOwned implements client.Store.
func (s *Store) DeleteOwned(ctx context.Context, workspaceID string) (restrictions []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO registry_ended_workspace (workspace_id)
			VALUES (?)
			ON CONFLICT (workspace_id) DO NOTHING`, workspaceID)
		if err != nil {
			return fmt.Errorf("insert ended workspace: %w", err)
		}
		deleted, err := collect(tx.QueryContext(ctx, `
			DELETE FROM registry_client
			 WHERE workspace_id = ? AND workspace_id <> ''
			RETURNING `+columns, workspaceID))
		if err != nil {
			return err
		}
		restrictions, err = s.bury(ctx, tx, deleted)
		return err
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}

// bury writes down that the clients were deleted, and returns what it logged.
func (s *Store) bury(ctx context.Context, tx *sql.Tx, deleted []client.Client) ([]coherent.Restriction, error) {
	restrictions := make([]coherent.Restriction, 0, len(deleted))
	for _, c := range deleted {
		if err := hold(ctx, tx, c); err != nil {
			return nil, err
		}
		if err := eventsqlite.Append(ctx, tx, client.Gone(ctx, c.ClientID)); err != nil {
			return nil, err
		}
		restrictions = append(restrictions, coherent.Client(c.ClientID, coherent.Deleted))
	}
	return restrictions, coherentsqlite.Append(ctx, tx, s.keep, restrictions...)
}

func hold(ctx context.Context, tx *sql.Tx, c client.Client) error {
	if !c.HoldsName() {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO registry_deleted_client (client_id, workspace_id, name_digest)
		VALUES (?, ?, ?)`, c.ClientID, c.WorkspaceID, c.NameDigest())
	if err != nil {
		return fmt.Errorf("insert deleted client: %w", err)
	}
	return nil
}

// succeedsNobody fails if a deleted client had the id, or has the name held for
// its owner.
func succeedsNobody(ctx context.Context, tx *sql.Tx, c client.Client, held time.Duration) error {
	had, err := count(ctx, tx, `SELECT count(*) FROM registry_deleted_client WHERE client_id = ?`, c.ClientID)
	if err != nil {
		return err
	}
	if had > 0 {
		return fmt.Errorf("insert client: %s was deleted", c.ClientID)
	}
	return mayBeNamed(ctx, tx, c, held)
}

// mayBeNamed fails if the client's name is held for somebody else.
func mayBeNamed(ctx context.Context, tx *sql.Tx, c client.Client, held time.Duration) error {
	n, err := count(ctx, tx, `
		SELECT count(*)
		  FROM registry_deleted_client
		 WHERE name_digest = ?
		   AND delete_time > CAST(unixepoch('subsec')*1000000 AS INTEGER) - ?
		   AND (workspace_id <> ? OR ?)`, c.NameDigest(), held.Microseconds(), c.WorkspaceID, c.Registered())
	if err == nil && n > 0 {
		return client.ErrNameHeld
	}
	return err
}
