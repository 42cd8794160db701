package coherentsqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// Querier is a pool, or a transaction.
type Querier interface {
	QueryRowContext(ctx context.Context, statement string, args ...any) *sql.Row
}

// RestoreEpoch returns the epoch that tokens are sealed with.
func RestoreEpoch(ctx context.Context, db Querier) (epoch int64, err error) {
	if err := db.QueryRowContext(ctx, `SELECT epoch FROM coherence_restore_epoch`).Scan(&epoch); err != nil {
		return 0, fmt.Errorf("select restore epoch: %w", err)
	}
	return epoch, nil
}
