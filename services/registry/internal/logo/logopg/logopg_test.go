package logopg_test

import (
	"testing"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clientpg"
	"github.com/chancery-auth/chancery/services/registry/internal/logo/logopg"
	"github.com/chancery-auth/chancery/services/registry/internal/logo/logotest"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	logotest.RunStore(t, func(t *testing.T) logotest.Stores {
		db := pgtest.New(t, coherence.Set(), events.Set(), migrations.Set())
		return logotest.Stores{
			Logos:   logopg.New(db),
			Clients: clientpg.New(db, preset.RestrictionKeep),
			Audit:   eventtest.Postgres(db),
		}
	})
}
