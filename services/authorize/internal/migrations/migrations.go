// Package migrations holds the schema of the authorize service: sign-in
// sessions, pushed requests, and pending authorizations.
package migrations

import (
	"embed"

	"github.com/chancery-auth/chancery/pkg/migrate"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// Set returns the migrations of the authorize service. They need the set of
// pkg/coherent beside them, for a session that ends is a restriction.
func Set() migrate.Set { return migrate.New("authorize", files) }
