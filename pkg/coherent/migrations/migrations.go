// Package migrations holds the schema of the restriction log. Services append
// to it inside their own transactions; only the packages below pkg/coherent
// know its columns.
package migrations

import (
	"embed"

	"github.com/chancery-auth/chancery/pkg/migrate"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// Set returns the migrations of the schema coherence.
func Set() migrate.Set { return migrate.New("coherence", files) }
