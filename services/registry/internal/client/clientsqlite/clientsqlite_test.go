package clientsqlite_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clientsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clienttest"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret/clientsecretsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	clienttest.RunStore(t, func(t *testing.T) clienttest.Stores {
		db := sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set())
		return clienttest.Stores{
			Clients: clientsqlite.New(db, preset.RestrictionKeep),
			Secrets: clientsecretsqlite.New(db, preset.RestrictionKeep),
			Log:     coherentsqlite.NewSource(db),
			Audit:   eventtest.SQLite(db),
		}
	})
}
