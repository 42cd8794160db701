package codesqlite_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/token/internal/code/codesqlite"
	"github.com/chancery-auth/chancery/services/token/internal/code/codetest"
	"github.com/chancery-auth/chancery/services/token/internal/family/familysqlite"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func TestStore(t *testing.T) {
	codetest.RunStore(t, func(t *testing.T) codetest.Database {
		db, log := storetest.SQLite(t)
		return codetest.Database{Store: codesqlite.New(db, time.Hour), Families: familysqlite.New(db, time.Hour), Log: log, Audit: eventtest.SQLite(db)}
	})
}

func TestSweepForgetsAnHourAfterTheExpiry(t *testing.T) {
	db, _ := storetest.SQLite(t)
	for _, ago := range []time.Duration{59 * time.Minute, 61 * time.Minute} {
		id := uuid.New()
		_, err := db.Write().ExecContext(t.Context(), `INSERT INTO token_redemption (code_id, expire_time) VALUES (?1, `+sqlite.NowMicros+` - ?2)`, id[:], ago.Microseconds())
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sweeptest.All(t.Context(), codesqlite.New(db, time.Hour).Sweeps()...); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := db.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM token_redemption`).Scan(&left); err != nil || left != 1 {
		t.Errorf("%d redemptions are left, %v, want the younger one", left, err)
	}
}
