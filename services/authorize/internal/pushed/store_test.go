package pushed_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/services/authorize/internal/migrations"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed/pushedtest"
)

func TestStore(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) {
		pushedtest.RunStore(t, func(t *testing.T) *pushed.Store { return pushed.NewStore(open(t, migrations.Set())) })
	})
}
