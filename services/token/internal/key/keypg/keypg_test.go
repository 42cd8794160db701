package keypg_test

import (
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/services/token/internal/key/keypg"
	"github.com/chancery-auth/chancery/services/token/internal/key/keytest"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func TestStore(t *testing.T) {
	keytest.RunStore(t, func(t *testing.T) keytest.Database {
		db, log := storetest.Postgres(t)
		return keytest.Database{Store: keypg.New(db, time.Hour), Log: log, Audit: eventtest.Postgres(db)}
	})
}
