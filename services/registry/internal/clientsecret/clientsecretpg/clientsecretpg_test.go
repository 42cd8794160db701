package clientsecretpg_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clientpg"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret/clientsecretpg"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret/clientsecrettest"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	clientsecrettest.RunStore(t, func(t *testing.T) clientsecrettest.Stores {
		db := pgtest.New(t, coherence.Set(), events.Set(), migrations.Set())
		log := coherentpg.NewSource(db.Config().ConnString(), pg.Options{AllowPlaintext: true})
		t.Cleanup(func() {
			if err := log.Close(context.WithoutCancel(t.Context())); err != nil {
				t.Log(err)
			}
		})
		return clientsecrettest.Stores{
			Secrets: clientsecretpg.New(db, preset.RestrictionKeep),
			Clients: clientpg.New(db, preset.RestrictionKeep),
			Log:     log,
			Audit:   eventtest.Postgres(db),
			Age: func(t *testing.T, id uuid.UUID, by time.Duration) {
				t.Helper()
				_, err := db.Exec(t.Context(), `UPDATE registry.client_secret SET last_use_time = last_use_time - $2::interval WHERE secret_id = $1`, id, by)
				if err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}
