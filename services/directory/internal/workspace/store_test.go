package workspace_test

import (
	"testing"

	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace/workspacetest"
)

func TestStore(t *testing.T) {
	directorytest.Each(t, func(t *testing.T, open directorytest.Open) { workspacetest.RunStore(t, open) })
}
