package coherentdb_test

import (
	"context"
	"math"
	"testing"

	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
)

// raise is RaiseRestoreEpoch in a transaction of its own.
func raise(ctx context.Context, db *database.DB) (epoch int64, err error) {
	err = db.InTx(ctx, func(tx *database.Tx) error {
		epoch, err = coherentdb.RaiseRestoreEpoch(ctx, tx)
		return err
	})
	return epoch, err
}

func TestN299_LastEpochIsNotRaised(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) {
		db := open(t, migrations.Set())
		if _, err := db.Exec(t.Context(), `UPDATE coherence.restore_epoch SET epoch = 9223372036854775806`); err != nil {
			t.Fatal(err)
		}
		if epoch, err := raise(t.Context(), db); err != nil || epoch != math.MaxInt64 {
			t.Fatalf("raised to %d, %v, want the last epoch there is", epoch, err)
		}
		if epoch, err := raise(t.Context(), db); err == nil {
			t.Errorf("raised to %d beyond the last", epoch)
		}
		if epoch, err := coherentdb.RestoreEpoch(t.Context(), db); err != nil || epoch != math.MaxInt64 {
			t.Errorf("the epoch is %d, %v, want the last", epoch, err)
		}
	})
}
