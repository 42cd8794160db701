package code_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/token/internal/code"
	"github.com/chancery-auth/chancery/services/token/internal/code/codetest"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func TestStore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		codetest.RunStore(t, func(t *testing.T) codetest.Database {
			db, log := open(t)
			return codetest.Database{Store: code.NewStore(db, time.Hour), Families: family.NewStore(db, time.Hour), Log: log, Audit: eventtest.On(db)}
		})
	})
}

func TestSweepForgetsAnHourAfterTheExpiry(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		db, _ := open(t)
		for _, ago := range []time.Duration{59 * time.Minute, 61 * time.Minute} {
			_, err := db.Exec(t.Context(), `INSERT INTO token.redemption (code_id, expire_time) VALUES ($1, statement_timestamp() - $2::interval)`, uuid.New(), ago)
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := sweeptest.All(t.Context(), code.NewStore(db, time.Hour).Sweeps()...); err != nil {
			t.Fatal(err)
		}
		left, err := database.Scan[int](db.QueryRow(t.Context(), `SELECT count(*) FROM token.redemption`))
		if err != nil || left != 1 {
			t.Errorf("%d redemptions are left, %v, want the younger one", left, err)
		}
	})
}
