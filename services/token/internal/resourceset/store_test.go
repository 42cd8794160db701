package resourceset_test

import (
	"testing"
	"time"

	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset/resourcesettest"
)

func TestStore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		resourcesettest.RunStore(t, func(t *testing.T) func(time.Duration) *resourceset.Store {
			db, _ := open(t)
			return func(keep time.Duration) *resourceset.Store { return resourceset.NewStore(db, keep) }
		})
	})
}
