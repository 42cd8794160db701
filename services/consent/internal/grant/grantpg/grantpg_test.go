package grantpg_test

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
	"github.com/chancery-auth/chancery/services/consent/internal/grant/grantpg"
	"github.com/chancery-auth/chancery/services/consent/internal/grant/granttest"
	"github.com/chancery-auth/chancery/services/consent/internal/migrations"
)

func TestStore(t *testing.T) {
	granttest.RunStore(t, func(t *testing.T) granttest.Database {
		url := pgtest.URL(t, coherence.Set(), events.Set(), migrations.Set())
		db, err := pg.Open(t.Context(), url, pg.Options{MaxConns: 16})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		log := coherentpg.NewSource(url, pg.Options{})
		t.Cleanup(func() {
			if err := log.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return granttest.Database{Store: grantpg.New(db, time.Hour), Log: log, Audit: eventtest.Postgres(db)}
	})
}
