package membershippg_test

import (
	"testing"

	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/membership/membershiptest"
)

func TestStore(t *testing.T) { membershiptest.RunStore(t, directorytest.Postgres) }
