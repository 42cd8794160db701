package codepg_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/services/token/internal/code/codepg"
	"github.com/chancery-auth/chancery/services/token/internal/code/codetest"
	"github.com/chancery-auth/chancery/services/token/internal/family/familypg"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func TestStore(t *testing.T) {
	codetest.RunStore(t, func(t *testing.T) codetest.Database {
		db, log := storetest.Postgres(t)
		return codetest.Database{Store: codepg.New(db, time.Hour), Families: familypg.New(db, time.Hour), Log: log}
	})
}

func TestSweepForgetsAnHourAfterTheExpiry(t *testing.T) {
	db, _ := storetest.Postgres(t)
	for _, ago := range []string{"59 minutes", "61 minutes"} {
		_, err := db.Exec(t.Context(), `INSERT INTO token.redemption (code_id, expire_time) VALUES ($1, statement_timestamp() - $2::interval)`, uuid.New(), ago)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := codepg.New(db, time.Hour).Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM token.redemption`).Scan(&left); err != nil || left != 1 {
		t.Errorf("%d redemptions are left, %v, want the younger one", left, err)
	}
}
