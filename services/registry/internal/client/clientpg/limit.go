package clientpg

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// admit fails if one more client is one too many. Its locks last until the end
// of the transaction, so that callers count one after another.
func admit(ctx context.Context, tx pgx.Tx, c client.Client, most client.Limits) error {
	if c.WorkspaceID != "" {
		have, err := countLocked(ctx, tx, "workspace/"+c.WorkspaceID, `
			SELECT count(*) FROM registry.client WHERE workspace_id = $1 AND workspace_id <> ''`, c.WorkspaceID)
		if err != nil {
			return err
		}
		if have >= most.Apps {
			return client.ErrTooManyApps
		}
	}
	if c.Registered() {
		have, err := countLocked(ctx, tx, "registered", `
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

func countLocked(ctx context.Context, tx pgx.Tx, what, query string, args ...any) (have int, err error) {
	_, err = tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('chancery/registry/' || $1, 0))`, what)
	if err != nil {
		return 0, fmt.Errorf("lock count of clients: %w", err)
	}
	// A statement of its own: its snapshot is of after the lock.
	if err := tx.QueryRow(ctx, query, args...).Scan(&have); err != nil {
		return 0, fmt.Errorf("count clients: %w", err)
	}
	return have, nil
}
