package pushedpg_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/services/authorize/internal/migrations"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed/pushedpg"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed/pushedtest"
)

func TestStore(t *testing.T) {
	pushedtest.RunStore(t, func(t *testing.T) pushed.Store {
		return pushedpg.New(pgtest.New(t, migrations.Set()))
	})
}
