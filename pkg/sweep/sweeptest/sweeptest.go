// Package sweeptest is what every way to delete due rows must do, and helps the
// tests of what is deleted.
package sweeptest

import (
	"context"
	"time"

	"github.com/chancery-auth/chancery/pkg/sweep"
)

// All deletes what is due now, as [sweep.All] does.
func All(ctx context.Context, tables ...sweep.Table) (rows int64, err error) {
	return sweep.All(ctx, time.Now, tables...) //nolint:forbidigo // The databases of tests have the clock of this machine.
}
