package projectsqlite_test

import (
	"testing"

	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/project/projecttest"
)

func TestStore(t *testing.T) { projecttest.RunStore(t, directorytest.SQLite) }
