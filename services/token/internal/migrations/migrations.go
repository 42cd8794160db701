// Package migrations holds the schema of the token service: redeemed codes,
// refresh families, stored resource sets, and keys at rest.
package migrations

import (
	"embed"

	"github.com/chancery-auth/chancery/pkg/migrate"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// Set returns the migrations of the token service. They need the set of
// pkg/coherent beside them, for the stores append to the restriction log.
func Set() migrate.Set { return migrate.New("token", files) }
