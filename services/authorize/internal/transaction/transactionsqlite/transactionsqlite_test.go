package transactionsqlite_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/authorize/internal/migrations"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed/pushedsqlite"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction/transactionsqlite"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction/transactiontest"
)

func TestStore(t *testing.T) {
	transactiontest.RunStore(t, func(t *testing.T) transactiontest.Stores {
		db := sqlitetest.New(t, migrations.Set())
		return transactiontest.Stores{Store: transactionsqlite.New(db, transactiontest.Bounds()), Requests: pushedsqlite.New(db)}
	})
}
