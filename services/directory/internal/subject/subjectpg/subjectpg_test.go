package subjectpg_test

import (
	"testing"

	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/subject/subjecttest"
)

func TestStore(t *testing.T) { subjecttest.RunStore(t, directorytest.Postgres) }
