// Package migrations holds the schema of the directory: subjects with their
// credentials and failed sign-ins, workspaces, projects and memberships.
package migrations

import (
	"embed"

	"github.com/chancery-auth/chancery/pkg/migrate"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// Set returns the migrations of the directory. They need the set of
// pkg/coherent beside them, for the stores append to the restriction log.
func Set() migrate.Set { return migrate.New("directory", files) }
