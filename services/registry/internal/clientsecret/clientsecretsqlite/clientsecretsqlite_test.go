package clientsecretsqlite_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clientsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret/clientsecretsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret/clientsecrettest"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	clientsecrettest.RunStore(t, func(t *testing.T) clientsecrettest.Stores {
		db := sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set())
		return clientsecrettest.Stores{
			Secrets: clientsecretsqlite.New(db, preset.RestrictionKeep),
			Clients: clientsqlite.New(db, preset.RestrictionKeep),
			Log:     coherentsqlite.NewSource(db),
			Audit:   eventtest.SQLite(db),
			Age: func(t *testing.T, id uuid.UUID, by time.Duration) {
				t.Helper()
				_, err := db.Write().ExecContext(t.Context(),
					`UPDATE registry_client_secret SET last_use_time = last_use_time - ? WHERE secret_id = ?`, by.Microseconds(), id.String())
				if err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}
