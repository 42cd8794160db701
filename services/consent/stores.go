package consent

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
	"github.com/chancery-auth/chancery/services/consent/internal/grant/grantpg"
	"github.com/chancery-auth/chancery/services/consent/internal/grant/grantsqlite"
	"github.com/chancery-auth/chancery/services/consent/internal/migrations"
)

// Stores is everything the consent service keeps.
type Stores struct {
	Grants grant.Store
}

// Postgres returns stores on db, which has [Migrations] and those of
// pkg/coherent.
func Postgres(db *pgxpool.Pool) Stores {
	return Stores{Grants: grantpg.New(db, preset.RestrictionKeep)}
}

// SQLite returns stores on db, which has [Migrations] and those of
// pkg/coherent.
func SQLite(db *sqlite.DB) Stores {
	return Stores{Grants: grantsqlite.New(db, preset.RestrictionKeep)}
}

// Migrations returns the schema of the consent service. It goes after that of
// pkg/coherent.
func Migrations() migrate.Set { return migrations.Set() }
