package clientsqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
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
		restrictions, err = s.record(ctx, tx, deleted)
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
		restrictions, err = s.record(ctx, tx, deleted)
		return err
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}

// record writes down that the clients were deleted, and returns what it logged.
func (s *Store) record(ctx context.Context, tx *sql.Tx, deleted []client.Client) ([]coherent.Restriction, error) {
	restrictions := make([]coherent.Restriction, 0, len(deleted))
	for _, c := range deleted {
		if err := insertHold(ctx, tx, c); err != nil {
			return nil, err
		}
		if err := eventsqlite.Append(ctx, tx, client.Gone(ctx, c.ClientID)); err != nil {
			return nil, err
		}
		restrictions = append(restrictions, coherent.Client(c.ClientID, coherent.Deleted))
	}
	return restrictions, coherentsqlite.Append(ctx, tx, s.keep, restrictions...)
}

// insertHold keeps the name of a deleted client for its owner.
func insertHold(ctx context.Context, tx *sql.Tx, c client.Client) error {
	if !c.HoldsName() {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO registry_deleted_client (client_id, workspace_id, name_digest, expire_time)
		SELECT ?1, ?2, ?3, now.at + min((now.at - ?4) / 3600000000 * 3600000000, ?5)
		  FROM (SELECT CAST(unixepoch('subsec')*1000000 AS INTEGER) AS at) AS now
		 WHERE NOT EXISTS (
		       SELECT 1 FROM registry_client
		        WHERE sort_key = ?6 AND (workspace_id <> ?2 OR registration_digest IS NOT NULL))`,
		c.ClientID, c.WorkspaceID, c.NameDigest(), c.CreateTime.UnixMicro(), client.MaxNameHold.Microseconds(), c.NameKey())
	if err != nil {
		return fmt.Errorf("insert deleted client: %w", err)
	}
	return nil
}

// Sweeps implements client.Store.
func (s *Store) Sweeps() []sweep.Table { return sweepsqlite.Tables(s.db, client.Sweeps()...) }
