package consent

import (
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
	"github.com/chancery-auth/chancery/services/consent/internal/migrations"
)

// Stores is everything the consent service keeps.
type Stores struct {
	Grants *grant.Store
}

// NewStores returns stores on db, which has [Migrations] and those of
// pkg/coherent.
func NewStores(db *database.DB) Stores {
	return Stores{Grants: grant.NewStore(db, preset.RestrictionKeep)}
}

// Migrations returns the schema of the consent service. It goes after that of
// pkg/coherent.
func Migrations() migrate.Set { return migrations.Set() }
