package clientsecret_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret/clientsecrettest"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) {
		clientsecrettest.RunStore(t, func(t *testing.T) clientsecrettest.Stores {
			db := open(t, coherence.Set(), events.Set(), migrations.Set())
			return clientsecrettest.Stores{
				Secrets: clientsecret.NewStore(db, preset.RestrictionKeep),
				Clients: client.NewStore(db, preset.RestrictionKeep),
				Log:     coherenttest.Source(t, db),
				Audit:   eventtest.On(db),
				Age: func(t *testing.T, id uuid.UUID, by time.Duration) {
					t.Helper()
					_, err := db.Exec(t.Context(), `UPDATE registry.client_secret SET last_use_time = last_use_time - $2::interval WHERE secret_id = $1`, id.String(), by)
					if err != nil {
						t.Fatal(err)
					}
				},
			}
		})
	})
}
