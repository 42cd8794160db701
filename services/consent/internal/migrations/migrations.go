// Package migrations holds the schema of the consent service: grants, and the
// workspaces and projects that each of them shares.
package migrations

import (
	"embed"

	"github.com/chancery-auth/chancery/pkg/migrate"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// Set returns the migrations of the consent service. They need the set of
// pkg/coherent beside them, for the stores append to the restriction log.
func Set() migrate.Set { return migrate.New("consent", files) }
