package keypg_test

import (
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/key/keypg"
	"github.com/chancery-auth/chancery/services/token/internal/key/keytest"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

func TestStore(t *testing.T) {
	keytest.RunStore(t, func(t *testing.T) (key.Store, coherent.Source) {
		db, log := storetest.Postgres(t)
		return keypg.New(db, time.Hour), log
	})
}
