package client

import (
	"context"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/database"
)

// lock begins the names of the registry's locks.
const lock = "chancery/registry/"

// admit fails if the client may not be made, or is one too many, and does to its
// vetting what its name asks for. Its locks last until the end of the transaction, so
// that callers count one after another.
func admit(ctx context.Context, tx *database.Tx, c *Client, most Limits) error {
	if err := checkName(ctx, tx, c); err != nil {
		return err
	}
	if c.WorkspaceID != "" {
		if err := checkOwner(ctx, tx, c.WorkspaceID); err != nil {
			return err
		}
		have, err := count(ctx, tx, `
			SELECT count(*) FROM registry.client WHERE workspace_id = $1 AND workspace_id <> ''`, c.WorkspaceID)
		if err != nil {
			return err
		}
		if have >= most.Apps {
			return ErrTooManyApps
		}
	}
	if c.Registered() {
		if err := tx.Lock(ctx, lock+"registered"); err != nil {
			return err
		}
		have, err := count(ctx, tx, `
			SELECT count(*) FROM registry.client WHERE registration_digest IS NOT NULL`)
		if err != nil {
			return err
		}
		if have >= most.Registered {
			return ErrTooManyRegistered
		}
	}
	return nil
}

func count(ctx context.Context, tx *database.Tx, query string, args ...any) (have int, err error) {
	if err := tx.QueryRow(ctx, query, args...).Scan(&have); err != nil {
		return 0, fmt.Errorf("count clients: %w", err)
	}
	return have, nil
}

// checkOwner fails if the workspace has ended, and keeps it from ending meanwhile.
func checkOwner(ctx context.Context, tx *database.Tx, workspaceID string) error {
	if err := tx.Lock(ctx, lock+"workspace/"+workspaceID); err != nil {
		return err
	}
	ended, err := count(ctx, tx, `SELECT count(*) FROM registry.ended_workspace WHERE workspace_id = $1`, workspaceID)
	if err == nil && ended > 0 {
		return ErrOwnerEnded
	}
	return err
}
