package devicesqlite_test

import (
	"testing"

	"github.com/chancery-auth/chancery/services/directory/internal/device/devicetest"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
)

func TestStore(t *testing.T) { devicetest.RunStore(t, directorytest.SQLite) }
