package directory

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt/attemptpg"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt/attemptsqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/credential/credentialpg"
	"github.com/chancery-auth/chancery/services/directory/internal/credential/credentialsqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/device"
	"github.com/chancery-auth/chancery/services/directory/internal/device/devicepg"
	"github.com/chancery-auth/chancery/services/directory/internal/device/devicesqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/membership"
	"github.com/chancery-auth/chancery/services/directory/internal/membership/membershippg"
	"github.com/chancery-auth/chancery/services/directory/internal/membership/membershipsqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/migrations"
	"github.com/chancery-auth/chancery/services/directory/internal/project"
	"github.com/chancery-auth/chancery/services/directory/internal/project/projectpg"
	"github.com/chancery-auth/chancery/services/directory/internal/project/projectsqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
	"github.com/chancery-auth/chancery/services/directory/internal/subject/subjectpg"
	"github.com/chancery-auth/chancery/services/directory/internal/subject/subjectsqlite"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace/workspacepg"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace/workspacesqlite"
)

// Stores are where the directory keeps its nouns, all in one database.
type Stores struct {
	Subjects    subject.Store
	Credentials credential.Store
	Attempts    attempt.Store
	Devices     device.Store
	Workspaces  workspace.Store
	Projects    project.Store
	Memberships membership.Store
}

// Postgres returns the stores on db, which must be migrated and be the primary.
func Postgres(db *pgxpool.Pool) Stores {
	return Stores{
		Subjects:    subjectpg.New(db, preset.RestrictionKeep),
		Credentials: credentialpg.New(db, preset.RestrictionKeep),
		Attempts:    attemptpg.New(db),
		Devices:     devicepg.New(db),
		Workspaces:  workspacepg.New(db, preset.RestrictionKeep),
		Projects:    projectpg.New(db, preset.RestrictionKeep),
		Memberships: membershippg.New(db, preset.RestrictionKeep),
	}
}

// SQLite returns the stores on db, which must be migrated.
func SQLite(db *sqlite.DB) Stores {
	return Stores{
		Subjects:    subjectsqlite.New(db, preset.RestrictionKeep),
		Credentials: credentialsqlite.New(db, preset.RestrictionKeep),
		Attempts:    attemptsqlite.New(db),
		Devices:     devicesqlite.New(db),
		Workspaces:  workspacesqlite.New(db, preset.RestrictionKeep),
		Projects:    projectsqlite.New(db, preset.RestrictionKeep),
		Memberships: membershipsqlite.New(db, preset.RestrictionKeep),
	}
}

// Migrations returns the schema. It needs the one of pkg/coherent beside it.
func Migrations() migrate.Set { return migrations.Set() }
