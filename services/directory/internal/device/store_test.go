package device_test

import (
	"testing"

	"github.com/chancery-auth/chancery/services/directory/internal/device/devicetest"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
)

func TestStore(t *testing.T) {
	directorytest.Each(t, func(t *testing.T, open directorytest.Open) { devicetest.RunStore(t, open) })
}
