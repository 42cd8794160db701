package clientpg

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// admit fails if the client may not be made, or is one too many, and does to its
// vetting what its name asks for. Its locks last
// until the end of the transaction, so that callers count one after another.
func admit(ctx context.Context, tx pgx.Tx, c *client.Client, most client.Limits) error {
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
			return client.ErrTooManyApps
		}
	}
	if c.Registered() {
		if err := lock(ctx, tx, "registered"); err != nil {
			return err
		}
		have, err := count(ctx, tx, `
			SELECT count(*) FROM registry.client WHERE registration_digest IS NOT NULL`)
		if err != nil {
			return err
		}
		if have >= most.Registered {
			return client.ErrTooManyRegistered
		}
	}
	return nil
}

// lock lets callers follow one after another. The next statement of one has a
// snapshot of after the lock.
func lock(ctx context.Context, tx pgx.Tx, what string) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('chancery/registry/' || $1, 0))`, what)
	if err != nil {
		return fmt.Errorf("lock clients: %w", err)
	}
	return nil
}

func count(ctx context.Context, tx pgx.Tx, query string, args ...any) (have int, err error) {
	if err := tx.QueryRow(ctx, query, args...).Scan(&have); err != nil {
		return 0, fmt.Errorf("count clients: %w", err)
	}
	return have, nil
}

// checkOwner fails if the workspace has ended, and keeps it from ending meanwhile.
func checkOwner(ctx context.Context, tx pgx.Tx, workspaceID string) error {
	if err := lock(ctx, tx, "workspace/"+workspaceID); err != nil {
		return err
	}
	ended, err := count(ctx, tx, `SELECT count(*) FROM registry.ended_workspace WHERE workspace_id = $1`, workspaceID)
	if err == nil && ended > 0 {
		return client.ErrOwnerEnded
	}
	return err
}
