package key_test

import (
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/key/keytest"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func TestStore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		keytest.RunStore(t, func(t *testing.T) keytest.Database {
			db, log := open(t)
			return keytest.Database{Store: key.NewStore(db, time.Hour), Log: log, Audit: eventtest.On(db)}
		})
	})
}
