package transactionpg_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/services/authorize/internal/migrations"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed/pushedpg"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction/transactionpg"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction/transactiontest"
)

func TestStore(t *testing.T) {
	transactiontest.RunStore(t, func(t *testing.T) transactiontest.Stores {
		db := pgtest.New(t, migrations.Set())
		return transactiontest.Stores{Store: transactionpg.New(db, transactiontest.Bounds()), Requests: pushedpg.New(db)}
	})
}
