package client_test

import (
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clienttest"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) {
		clienttest.RunStore(t, func(t *testing.T) clienttest.Stores {
			db := open(t, coherence.Set(), events.Set(), migrations.Set())
			exec := func(t *testing.T, statement string, args ...any) {
				t.Helper()
				if _, err := db.Exec(t.Context(), statement, args...); err != nil {
					t.Fatal(err)
				}
			}
			return clienttest.Stores{
				Clients: client.NewStore(db, preset.RestrictionKeep),
				Secrets: clientsecret.NewStore(db, preset.RestrictionKeep),
				Age: func(t *testing.T, by time.Duration) {
					t.Helper()
					exec(t, `UPDATE registry.client SET create_time = create_time - $1::interval`, by)
					exec(t, `UPDATE registry.deleted_client SET expire_time = expire_time - $1::interval`, by)
				},
				SetMethod: func(t *testing.T, clientID, method string) {
					t.Helper()
					exec(t, `UPDATE registry.client SET token_endpoint_auth_method = $2, revision = revision + 1 WHERE client_id = $1`, clientID, method)
				},
				SetName: func(t *testing.T, clientID, name string) {
					t.Helper()
					exec(t, `UPDATE registry.client SET client_name = $2 WHERE client_id = $1`, clientID, name)
				},
				Log:   coherenttest.Source(t, db),
				Audit: eventtest.On(db),
			}
		})
	})
}
