package project_test

import (
	"testing"

	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/project/projecttest"
)

func TestStore(t *testing.T) {
	directorytest.Each(t, func(t *testing.T, open directorytest.Open) { projecttest.RunStore(t, open) })
}
