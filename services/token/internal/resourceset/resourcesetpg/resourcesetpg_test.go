package resourcesetpg_test

import (
	"testing"
	"time"

	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset/resourcesetpg"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset/resourcesettest"
)

func TestStore(t *testing.T) {
	resourcesettest.RunStore(t, func(t *testing.T) func(time.Duration) resourceset.Store {
		db, _ := storetest.Postgres(t)
		return func(keep time.Duration) resourceset.Store { return resourcesetpg.New(db, keep) }
	})
}
