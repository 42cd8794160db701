package clientpg

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeppg"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// Delete implements client.Store. Secrets and origins go with the client.
func (s *Store) Delete(ctx context.Context, clientID string) (restrictions []coherent.Restriction, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `DELETE FROM registry.client AS c WHERE client_id = $1 RETURNING `+columns, key(clientID))
		if err != nil {
			return fmt.Errorf("delete client: %w", err)
		}
		deleted, err := collect(rows)
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

// DeleteOwned implements client.Store. Whoever makes a client of the workspace
// takes the lock as well, and finds the workspace ended, or its client deleted.
func (s *Store) DeleteOwned(ctx context.Context, workspaceID string) (restrictions []coherent.Restriction, err error) {
	err = pg.InTx(ctx, s.db, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, "workspace/"+workspaceID); err != nil {
			return err
		}
		// A repetition writes too: only the commit of a write waits for a standby, and
		// the first may have come to an unknown outcome.
		_, err := tx.Exec(ctx, `
			INSERT INTO registry.ended_workspace AS w (workspace_id)
			VALUES ($1)
			ON CONFLICT (workspace_id) DO UPDATE SET end_time = w.end_time`, workspaceID)
		if err != nil {
			return fmt.Errorf("upsert ended workspace: %w", err)
		}
		rows, err := tx.Query(ctx, `
			DELETE FROM registry.client AS c
			 WHERE workspace_id = $1 AND workspace_id <> ''
			RETURNING `+columns, workspaceID)
		if err != nil {
			return fmt.Errorf("delete clients: %w", err)
		}
		deleted, err := collect(rows)
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
func (s *Store) record(ctx context.Context, tx pgx.Tx, deleted []client.Client) ([]coherent.Restriction, error) {
	restrictions := make([]coherent.Restriction, 0, len(deleted))
	for _, c := range deleted {
		if err := insertHold(ctx, tx, c); err != nil {
			return nil, err
		}
		if err := eventpg.Append(ctx, tx, client.Gone(ctx, c.ClientID)); err != nil {
			return nil, err
		}
		restrictions = append(restrictions, coherent.Client(c.ClientID, coherent.Deleted))
	}
	return restrictions, coherentpg.Append(ctx, tx, s.keep, restrictions...)
}

// insertHold keeps the name of a deleted client for its owner.
func insertHold(ctx context.Context, tx pgx.Tx, c client.Client) error {
	if !c.HoldsName() {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO registry.deleted_client (client_id, workspace_id, name_digest, expire_time)
		SELECT $1::text, $2::text, $3::bytea,
		       statement_timestamp() + least(date_trunc('hour', statement_timestamp() - $4::timestamptz), $5 * interval '1 microsecond')
		 WHERE NOT EXISTS (
		       SELECT FROM registry.client
		        WHERE sort_key = $6 AND (workspace_id <> $2 OR registration_digest IS NOT NULL))`,
		c.ClientID, c.WorkspaceID, c.NameDigest(), c.CreateTime, client.MaxNameHold.Microseconds(), c.NameKey())
	if err != nil {
		return fmt.Errorf("insert deleted client: %w", err)
	}
	return nil
}

// Sweeps implements client.Store.
func (s *Store) Sweeps() []sweep.Table { return sweeppg.Tables(s.db, client.Sweeps()...) }
