package credential_test

import (
	"testing"

	"github.com/chancery-auth/chancery/services/directory/internal/credential/credentialtest"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
)

func TestStore(t *testing.T) {
	directorytest.Each(t, func(t *testing.T, open directorytest.Open) { credentialtest.RunStore(t, open) })
}
