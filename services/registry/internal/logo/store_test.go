package logo_test

import (
	"testing"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/logo"
	"github.com/chancery-auth/chancery/services/registry/internal/logo/logotest"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) {
		logotest.RunStore(t, func(t *testing.T) logotest.Stores {
			db := open(t, coherence.Set(), events.Set(), migrations.Set())
			return logotest.Stores{Logos: logo.NewStore(db), Clients: client.NewStore(db, preset.RestrictionKeep), Audit: eventtest.On(db)}
		})
	})
}
