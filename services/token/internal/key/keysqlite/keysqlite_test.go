package keysqlite_test

import (
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/services/token/internal/key/keysqlite"
	"github.com/chancery-auth/chancery/services/token/internal/key/keytest"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func TestStore(t *testing.T) {
	keytest.RunStore(t, func(t *testing.T) keytest.Database {
		db, log := storetest.SQLite(t)
		return keytest.Database{Store: keysqlite.New(db, time.Hour), Log: log, Audit: eventtest.SQLite(db)}
	})
}
