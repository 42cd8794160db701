package pushedsqlite_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/authorize/internal/migrations"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed/pushedsqlite"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed/pushedtest"
)

func TestStore(t *testing.T) {
	pushedtest.RunStore(t, func(t *testing.T) pushed.Store {
		return pushedsqlite.New(sqlitetest.New(t, migrations.Set()))
	})
}
