package attempt_test

import (
	"testing"

	"github.com/chancery-auth/chancery/services/directory/internal/attempt/attempttest"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
)

func TestStore(t *testing.T) {
	directorytest.Each(t, func(t *testing.T, open directorytest.Open) { attempttest.RunStore(t, open) })
}
