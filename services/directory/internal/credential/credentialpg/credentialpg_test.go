package credentialpg_test

import (
	"testing"

	"github.com/chancery-auth/chancery/services/directory/internal/credential/credentialtest"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
)

func TestStore(t *testing.T) { credentialtest.RunStore(t, directorytest.Postgres) }
