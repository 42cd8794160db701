package coherentpg

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Querier is a pool, or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, statement string, args ...any) pgx.Row
}

// RestoreEpoch returns the epoch that tokens are sealed with.
func RestoreEpoch(ctx context.Context, db Querier) (epoch int64, err error) {
	if err := db.QueryRow(ctx, `SELECT epoch FROM coherence.restore_epoch`).Scan(&epoch); err != nil {
		return 0, fmt.Errorf("select restore epoch: %w", err)
	}
	return epoch, nil
}
