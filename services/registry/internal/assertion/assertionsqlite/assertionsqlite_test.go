package assertionsqlite_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion/assertionsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion/assertiontest"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	assertiontest.RunStore(t, func(t *testing.T) assertion.Store {
		return assertionsqlite.New(sqlitetest.New(t, migrations.Set()))
	})
}
