package logosqlite_test

import (
	"testing"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clientsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/logo/logosqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/logo/logotest"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	logotest.RunStore(t, func(t *testing.T) logotest.Stores {
		db := sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set())
		return logotest.Stores{
			Logos:   logosqlite.New(db),
			Clients: clientsqlite.New(db, preset.RestrictionKeep),
			Audit:   eventtest.SQLite(db),
		}
	})
}
