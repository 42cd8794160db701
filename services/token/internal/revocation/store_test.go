package revocation_test

import (
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
	"github.com/chancery-auth/chancery/services/token/internal/revocation"
	"github.com/chancery-auth/chancery/services/token/internal/revocation/revocationtest"
)

func TestStore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		revocationtest.RunStore(t, func(t *testing.T) revocationtest.Database {
			db, log := open(t)
			return revocationtest.Database{Store: revocation.NewStore(db, time.Hour), Log: log, Audit: eventtest.On(db)}
		})
	})
}
