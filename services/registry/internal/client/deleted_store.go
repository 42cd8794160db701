package client

import (
	"context"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Delete removes the client with all that is its own, and logs that every token of
// it is dead. It holds the client's name for its owner, unless a client of another
// owner has it too. Fails with ErrNotFound. Secrets and origins go with the client.
func (s *Store) Delete(ctx context.Context, clientID string) (restrictions []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		deleted, err := collect(ctx, tx, `DELETE FROM registry.client WHERE client_id = $1 RETURNING `+columns, database.Key(clientID))
		if err != nil {
			return err
		}
		if len(deleted) == 0 {
			return ErrNotFound
		}
		restrictions, err = s.record(ctx, tx, deleted)
		return err
	})
	if err != nil {
		return nil, err
	}
	return restrictions, nil
}

// DeleteOwned deletes every client of the workspace, as Delete does, and lets none
// be made for it any more, also by those who are about to. It may be repeated.
// Whoever makes a client of the workspace takes the lock as well, and finds the
// workspace ended, or its client deleted.
func (s *Store) DeleteOwned(ctx context.Context, workspaceID string) (restrictions []coherent.Restriction, err error) {
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		if err := tx.Lock(ctx, lock+"workspace/"+workspaceID); err != nil {
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
		deleted, err := collect(ctx, tx, `
			DELETE FROM registry.client
			 WHERE workspace_id = $1 AND workspace_id <> ''
			RETURNING `+columns, workspaceID)
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
func (s *Store) record(ctx context.Context, tx *database.Tx, deleted []Client) ([]coherent.Restriction, error) {
	restrictions := make([]coherent.Restriction, 0, len(deleted))
	for _, c := range deleted {
		if err := insertHold(ctx, tx, c); err != nil {
			return nil, err
		}
		if err := eventdb.Append(ctx, tx, Gone(ctx, c.ClientID)); err != nil {
			return nil, err
		}
		restrictions = append(restrictions, coherent.Client(c.ClientID, coherent.Deleted))
	}
	return restrictions, coherentdb.Append(ctx, tx, s.keep, restrictions...)
}

// How long a client has lived that was made at $4, in whole hours.
const (
	livedPostgres = `date_trunc('hour', statement_timestamp() - $4::timestamptz)`
	livedSQLite   = `(statement_timestamp() - $4) / 3600000000 * 3600000000`
)

// insertHold keeps the name of a deleted client for its owner.
func insertHold(ctx context.Context, tx *database.Tx, c Client) error {
	if !c.HoldsName() {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO registry.deleted_client (client_id, workspace_id, name_digest, expire_time)
		SELECT $1::text, $2::text, $3::bytea, statement_timestamp() + least(`+tx.Either(livedPostgres, livedSQLite)+`, $5::interval)
		 WHERE NOT EXISTS (
		       SELECT 1 FROM registry.client
		        WHERE sort_key = $6 AND (workspace_id <> $2 OR registration_digest IS NOT NULL))`,
		c.ClientID, c.WorkspaceID, c.NameDigest(), c.CreateTime, MaxNameHold, c.NameKey())
	if err != nil {
		return fmt.Errorf("insert deleted client: %w", err)
	}
	return nil
}

// Sweeps returns the names that are held no longer, for deletion.
func (s *Store) Sweeps() []sweep.Table {
	return database.Sweeps(s.db, sweep.Rule{Table: "registry.deleted_client", Key: "client_id", Due: "expire_time"})
}
