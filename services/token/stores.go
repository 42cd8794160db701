package token

import (
	"context"

	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/token/internal/code"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/migrations"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset"
	"github.com/chancery-auth/chancery/services/token/internal/revocation"
)

// Stores are where the service keeps its nouns.
type Stores struct {
	Codes       *code.Store
	Families    *family.Store
	Revocations *revocation.Store
	Sets        *resourceset.Store
	Keys        *key.Store
	// RestoreEpoch reads the epoch that tokens are sealed with.
	RestoreEpoch func(context.Context) (int64, error)
}

// NewStores returns stores in a database with the service's migrations.
func NewStores(db *database.DB) Stores {
	return Stores{
		Codes:        code.NewStore(db, preset.RestrictionKeep),
		Families:     family.NewStore(db, preset.RestrictionKeep),
		Revocations:  revocation.NewStore(db, preset.RestrictionKeep),
		Sets:         resourceset.NewStore(db, preset.RestrictionKeep),
		Keys:         key.NewStore(db, preset.RestrictionKeep),
		RestoreEpoch: func(ctx context.Context) (int64, error) { return coherentdb.RestoreEpoch(ctx, db) },
	}
}

// Migrations returns the service's schema. It needs those of pkg/coherent and
// pkg/event too.
func Migrations() migrate.Set { return migrations.Set() }
