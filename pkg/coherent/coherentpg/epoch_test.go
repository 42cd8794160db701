package coherentpg_test

import (
	"math"
	"testing"

	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

func TestN299_LastEpochIsNotRaised(t *testing.T) {
	db := open(t, pgtest.URL(t, migrations.Set()))
	execute(t, db, `UPDATE coherence.restore_epoch SET epoch = 9223372036854775806`)
	if epoch, err := coherentpg.RaiseRestoreEpoch(t.Context(), db); err != nil || epoch != math.MaxInt64 {
		t.Fatalf("raised to %d, %v, want the last epoch there is", epoch, err)
	}
	if epoch, err := coherentpg.RaiseRestoreEpoch(t.Context(), db); err == nil {
		t.Errorf("raised to %d beyond the last", epoch)
	}
	if epoch, err := coherentpg.RestoreEpoch(t.Context(), db); err != nil || epoch != math.MaxInt64 {
		t.Errorf("the epoch is %d, %v, want the last", epoch, err)
	}
}
