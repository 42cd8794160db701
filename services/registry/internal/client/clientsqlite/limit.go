package clientsqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// admit fails if the client may not be made, or is one too many, and does to its
// vetting what its name asks for. Write transactions
// run one after another, so that nobody adds one after it has counted.
func admit(ctx context.Context, tx *sql.Tx, c *client.Client, most client.Limits) error {
	if err := checkName(ctx, tx, c); err != nil {
		return err
	}
	if c.WorkspaceID != "" {
		if err := checkOwner(ctx, tx, c.WorkspaceID); err != nil {
			return err
		}
		have, err := count(ctx, tx, `SELECT count(*) FROM registry_client WHERE workspace_id = ? AND workspace_id <> ''`, c.WorkspaceID)
		if err != nil {
			return err
		}
		if have >= most.Apps {
			return client.ErrTooManyApps
		}
	}
	if c.Registered() {
		have, err := count(ctx, tx, `SELECT count(*) FROM registry_client WHERE registration_digest IS NOT NULL`)
		if err != nil {
			return err
		}
		if have >= most.Registered {
			return client.ErrTooManyRegistered
		}
	}
	return nil
}

func count(ctx context.Context, tx *sql.Tx, query string, args ...any) (have int, err error) {
	if err := tx.QueryRowContext(ctx, query, args...).Scan(&have); err != nil {
		return 0, fmt.Errorf("count clients: %w", err)
	}
	return have, nil
}

// checkOwner fails if the workspace has ended.
func checkOwner(ctx context.Context, tx *sql.Tx, workspaceID string) error {
	ended, err := count(ctx, tx, `SELECT count(*) FROM registry_ended_workspace WHERE workspace_id = ?`, workspaceID)
	if err == nil && ended > 0 {
		return client.ErrOwnerEnded
	}
	return err
}
