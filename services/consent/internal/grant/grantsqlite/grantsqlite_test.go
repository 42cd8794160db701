package grantsqlite_test

import (
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/consent/internal/grant/grantsqlite"
	"github.com/chancery-auth/chancery/services/consent/internal/grant/granttest"
	"github.com/chancery-auth/chancery/services/consent/internal/migrations"
)

func TestStore(t *testing.T) {
	granttest.RunStore(t, func(t *testing.T) granttest.Database {
		db := sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set())
		return granttest.Database{Store: grantsqlite.New(db, time.Hour), Log: coherentsqlite.NewSource(db), Audit: eventtest.SQLite(db)}
	})
}
