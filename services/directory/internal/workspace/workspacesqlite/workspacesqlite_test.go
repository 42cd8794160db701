package workspacesqlite_test

import (
	"testing"

	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace/workspacetest"
)

func TestStore(t *testing.T) { workspacetest.RunStore(t, directorytest.SQLite) }
