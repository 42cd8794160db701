package revocationsqlite_test

import (
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
	"github.com/chancery-auth/chancery/services/token/internal/revocation/revocationsqlite"
	"github.com/chancery-auth/chancery/services/token/internal/revocation/revocationtest"
)

func TestStore(t *testing.T) {
	revocationtest.RunStore(t, func(t *testing.T) revocationtest.Database {
		db, log := storetest.SQLite(t)
		return revocationtest.Database{Store: revocationsqlite.New(db, time.Hour), Log: log, Audit: eventtest.SQLite(db)}
	})
}
