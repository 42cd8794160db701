package coherentsqlite_test

import (
	"context"
	"database/sql"
	"math"
	"testing"

	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
)

// raise is RaiseRestoreEpoch in a transaction of its own.
func raise(ctx context.Context, db *sqlite.DB) (epoch int64, err error) {
	err = db.InTx(ctx, func(tx *sql.Tx) error {
		epoch, err = coherentsqlite.RaiseRestoreEpoch(ctx, tx)
		return err
	})
	return epoch, err
}

func TestN299_LastEpochIsNotRaised(t *testing.T) {
	db := sqlitetest.New(t, migrations.Set())
	if _, err := db.Write().ExecContext(t.Context(), `UPDATE coherence_restore_epoch SET epoch = 9223372036854775806`); err != nil {
		t.Fatal(err)
	}
	if epoch, err := raise(t.Context(), db); err != nil || epoch != math.MaxInt64 {
		t.Fatalf("raised to %d, %v, want the last epoch there is", epoch, err)
	}
	if epoch, err := raise(t.Context(), db); err == nil {
		t.Errorf("raised to %d beyond the last", epoch)
	}
	if epoch, err := coherentsqlite.RestoreEpoch(t.Context(), db.Read()); err != nil || epoch != math.MaxInt64 {
		t.Errorf("the epoch is %d, %v, want the last", epoch, err)
	}
}
