package clientpg_test

import (
	"context"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clientpg"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clienttest"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret/clientsecretpg"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	clienttest.RunStore(t, func(t *testing.T) clienttest.Stores {
		db := pgtest.New(t, coherence.Set(), events.Set(), migrations.Set())
		log := coherentpg.NewSource(db.Config().ConnString(), pg.Options{AllowPlaintext: true})
		t.Cleanup(func() {
			if err := log.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Log(err)
			}
		})
		return clienttest.Stores{
			Clients: clientpg.New(db, preset.RestrictionKeep),
			Secrets: clientsecretpg.New(db, preset.RestrictionKeep),
			Age: func(t *testing.T, by time.Duration) {
				t.Helper()
				for _, statement := range []string{
					`UPDATE registry.client SET create_time = create_time - $1 * interval '1 microsecond'`,
					`UPDATE registry.deleted_client SET expire_time = expire_time - $1 * interval '1 microsecond'`,
				} {
					if _, err := db.Exec(t.Context(), statement, by.Microseconds()); err != nil {
						t.Fatal(err)
					}
				}
			},
			SetMethod: func(t *testing.T, clientID, method string) {
				t.Helper()
				_, err := db.Exec(t.Context(), `
					UPDATE registry.client SET token_endpoint_auth_method = $2, revision = revision + 1 WHERE client_id = $1`, clientID, method)
				if err != nil {
					t.Fatal(err)
				}
			},
			SetName: func(t *testing.T, clientID, name string) {
				t.Helper()
				if _, err := db.Exec(t.Context(), `UPDATE registry.client SET client_name = $2 WHERE client_id = $1`, clientID, name); err != nil {
					t.Fatal(err)
				}
			},
			Log:   log,
			Audit: eventtest.Postgres(db),
		}
	})
}
