package coherentsqlite

import (
	"context"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/sqlite"
)

// RestoreEpoch returns the epoch that tokens are sealed with.
func RestoreEpoch(ctx context.Context, db *sqlite.DB) (epoch int64, err error) {
	if err := db.Read().QueryRowContext(ctx, `SELECT epoch FROM coherence_restore_epoch`).Scan(&epoch); err != nil {
		return 0, fmt.Errorf("select restore epoch: %w", err)
	}
	return epoch, nil
}
