package revocationpg_test

import (
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
	"github.com/chancery-auth/chancery/services/token/internal/revocation/revocationpg"
	"github.com/chancery-auth/chancery/services/token/internal/revocation/revocationtest"
)

func TestStore(t *testing.T) {
	revocationtest.RunStore(t, func(t *testing.T) revocationtest.Database {
		db, log := storetest.Postgres(t)
		return revocationtest.Database{Store: revocationpg.New(db, time.Hour), Log: log, Audit: eventtest.Postgres(db)}
	})
}
