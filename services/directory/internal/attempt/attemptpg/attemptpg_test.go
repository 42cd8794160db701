package attemptpg_test

import (
	"testing"

	"github.com/chancery-auth/chancery/services/directory/internal/attempt/attempttest"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
)

func TestStore(t *testing.T) { attempttest.RunStore(t, directorytest.Postgres) }
