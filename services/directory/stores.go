package directory

import (
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/device"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
	"github.com/chancery-auth/chancery/services/directory/internal/migrations"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

// Stores are where the directory keeps its nouns, all in one database.
type Stores struct {
	Subjects    *subject.Store
	Credentials *credential.Store
	Attempts    *attempt.Store
	Devices     *device.Store
	Workspaces  *workspace.Store
	Projects    *project.Store
	Memberships *membership.Store
}

// NewStores returns the stores on db, which must be migrated and be the primary.
func NewStores(db *database.DB) Stores {
	return Stores{
		Subjects:    subject.NewStore(db, preset.RestrictionKeep),
		Credentials: credential.NewStore(db, preset.RestrictionKeep),
		Attempts:    attempt.NewStore(db),
		Devices:     device.NewStore(db),
		Workspaces:  workspace.NewStore(db, preset.RestrictionKeep),
		Projects:    project.NewStore(db, preset.RestrictionKeep),
		Memberships: membership.NewStore(db, preset.RestrictionKeep),
	}
}

// Migrations returns the schema. It needs the one of pkg/coherent beside it.
func Migrations() migrate.Set { return migrations.Set() }
