// Package migrations holds the schema of the audit log and of the outbox.
// Services append to both inside their own transactions; only the packages below
// pkg/event know their columns.
package migrations

import (
	"embed"

	"github.com/chancery-auth/chancery/pkg/migrate"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// Set returns the migrations of the schema event.
func Set() migrate.Set { return migrate.New("event", files) }
