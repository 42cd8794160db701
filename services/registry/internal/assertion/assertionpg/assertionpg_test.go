package assertionpg_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion/assertionpg"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion/assertiontest"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	assertiontest.RunStore(t, func(t *testing.T) assertion.Store {
		return assertionpg.New(pgtest.New(t, migrations.Set()))
	})
}
