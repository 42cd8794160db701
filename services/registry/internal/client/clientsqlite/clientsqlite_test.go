package clientsqlite_test

import (
	"testing"
	"time"

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
			Age: func(t *testing.T, by time.Duration) {
				t.Helper()
				for _, statement := range []string{
					`UPDATE registry_client SET create_time = create_time - ?`,
					`UPDATE registry_deleted_client SET expire_time = expire_time - ?`,
				} {
					if _, err := db.Write().ExecContext(t.Context(), statement, by.Microseconds()); err != nil {
						t.Fatal(err)
					}
				}
			},
			SetMethod: func(t *testing.T, clientID, method string) {
				t.Helper()
				_, err := db.Write().ExecContext(t.Context(), `
					UPDATE registry_client SET token_endpoint_auth_method = ?2, revision = revision + 1 WHERE client_id = ?1`, clientID, method)
				if err != nil {
					t.Fatal(err)
				}
			},
			SetName: func(t *testing.T, clientID, name string) {
				t.Helper()
				if _, err := db.Write().ExecContext(t.Context(), `UPDATE registry_client SET client_name = ?2 WHERE client_id = ?1`, clientID, name); err != nil {
					t.Fatal(err)
				}
			},
			Log:   coherentsqlite.NewSource(db),
			Audit: eventtest.SQLite(db),
		}
	})
}
