package coherentsqlite_test

import (
	"context"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
)

func TestSource(t *testing.T) {
	coherenttest.RunSource(t, func(t *testing.T) coherenttest.Log {
		db := sqlitetest.New(t, migrations.Set())
		return coherenttest.Log{
			Source: coherentsqlite.NewSource(db),
			InTx: func(ctx context.Context, f func(coherenttest.Append) error) error {
				return database.SQLite(db).InTx(ctx, func(tx *database.Tx) error {
					return f(func(keep time.Duration, rs ...coherent.Restriction) error {
						return coherentdb.Append(ctx, tx, keep, rs...)
					})
				})
			},
			Sweep: func(ctx context.Context) (int64, error) {
				return sweeptest.All(ctx, coherentdb.Sweeps(database.SQLite(db))...)
			},
			RaiseRestoreEpoch: func(ctx context.Context) (epoch int64, err error) {
				err = database.SQLite(db).InTx(ctx, func(tx *database.Tx) error {
					epoch, err = coherentdb.RaiseRestoreEpoch(ctx, tx)
					return err
				})
				return epoch, err
			},
		}
	})
}

func TestReadWithoutEpochVouchesForNothing(t *testing.T) {
	db := sqlitetest.New(t, migrations.Set())
	if _, err := db.Write().ExecContext(t.Context(), `DELETE FROM coherence_restore_epoch`); err != nil {
		t.Fatal(err)
	}
	if _, err := coherenttest.Load(t.Context(), coherentsqlite.NewSource(db)); err == nil {
		t.Error("a read that returned nothing succeeds")
	}
}

func TestCursorOfAnotherFormIsRefused(t *testing.T) {
	db := sqlitetest.New(t, migrations.Set())
	if _, err := coherentsqlite.NewSource(db).Poll(t.Context(), "1:1:"); err == nil {
		t.Error("a cursor of PostgreSQL is accepted")
	}
}
