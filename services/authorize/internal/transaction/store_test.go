package transaction_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/services/authorize/internal/migrations"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction/transactiontest"
)

func TestStore(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) {
		transactiontest.RunStore(t, func(t *testing.T) transactiontest.Stores {
			db := open(t, migrations.Set())
			return transactiontest.Stores{Store: transaction.NewStore(db, transactiontest.Bounds()), Requests: pushed.NewStore(db)}
		})
	})
}
