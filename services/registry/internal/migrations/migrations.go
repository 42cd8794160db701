// Package migrations holds the schema of the registry: clients, their secrets,
// their web origins, and the assertions that were used.
package migrations

import (
	"embed"

	"github.com/chancery-auth/chancery/pkg/migrate"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// Set returns the migrations of the registry. They need the set of
// pkg/coherent beside them, for the stores append to the restriction log.
func Set() migrate.Set { return migrate.New("registry", files) }
