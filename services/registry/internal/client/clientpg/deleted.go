package clientpg

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/pg"
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
		restrictions, err = s.bury(ctx, tx, deleted)
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
		restrictions, err = s.bury(ctx, tx, deleted)
		return err
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}

// bury writes down that the clients were deleted, and returns what it logged.
func (s *Store) bury(ctx context.Context, tx pgx.Tx, deleted []client.Client) ([]coherent.Restriction, error) {
	restrictions := make([]coherent.Restriction, 0, len(deleted))
	for _, c := range deleted {
		if err := hold(ctx, tx, c); err != nil {
			return nil, err
		}
		if err := eventpg.Append(ctx, tx, client.Gone(ctx, c.ClientID)); err != nil {
			return nil, err
		}
		restrictions = append(restrictions, coherent.Client(c.ClientID, coherent.Deleted))
	}
	return restrictions, coherentpg.Append(ctx, tx, s.keep, restrictions...)
}

func hold(ctx context.Context, tx pgx.Tx, c client.Client) error {
	if !c.HoldsName() {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO registry.deleted_client (client_id, workspace_id, name_digest)
		VALUES ($1, $2, $3)`, c.ClientID, c.WorkspaceID, c.NameDigest())
	if err != nil {
		return fmt.Errorf("insert deleted client: %w", err)
	}
	return nil
}

// succeedsNobody fails if a deleted client had the id, or has the name held for
// its owner.
func succeedsNobody(ctx context.Context, tx pgx.Tx, c client.Client, held time.Duration) error {
	had, err := count(ctx, tx, `SELECT count(*) FROM registry.deleted_client WHERE client_id = $1`, c.ClientID)
	if err != nil {
		return err
	}
	if had > 0 {
		return fmt.Errorf("insert client: %s was deleted", c.ClientID)
	}
	return mayBeNamed(ctx, tx, c, held)
}

// mayBeNamed fails if the client's name is held for somebody else.
func mayBeNamed(ctx context.Context, tx pgx.Tx, c client.Client, held time.Duration) error {
	n, err := count(ctx, tx, `
		SELECT count(*)
		  FROM registry.deleted_client
		 WHERE name_digest = $1
		   AND delete_time > statement_timestamp() - $2 * interval '1 microsecond'
		   AND (workspace_id <> $3 OR $4)`, c.NameDigest(), held.Microseconds(), c.WorkspaceID, c.Registered())
	if err == nil && n > 0 {
		return client.ErrNameHeld
	}
	return err
}
