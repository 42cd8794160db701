package assertion_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion/assertiontest"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) {
		assertiontest.RunStore(t, func(t *testing.T) *assertion.Store { return assertion.NewStore(open(t, migrations.Set())) })
	})
}
