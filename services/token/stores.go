package token

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/token/internal/code"
	"github.com/chancery-auth/chancery/services/token/internal/code/codepg"
	"github.com/chancery-auth/chancery/services/token/internal/code/codesqlite"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/family/familypg"
	"github.com/chancery-auth/chancery/services/token/internal/family/familysqlite"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/key/keypg"
	"github.com/chancery-auth/chancery/services/token/internal/key/keysqlite"
	"github.com/chancery-auth/chancery/services/token/internal/migrations"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset/resourcesetpg"
	"github.com/chancery-auth/chancery/services/token/internal/resourceset/resourcesetsqlite"
	"github.com/chancery-auth/chancery/services/token/internal/revocation"
	"github.com/chancery-auth/chancery/services/token/internal/revocation/revocationpg"
	"github.com/chancery-auth/chancery/services/token/internal/revocation/revocationsqlite"
)

// Stores are where the service keeps its nouns.
type Stores struct {
	Codes       code.Store
	Families    family.Store
	Revocations revocation.Store
	Sets        resourceset.Store
	Keys        key.Store
	// RestoreEpoch reads the epoch that tokens are sealed with.
	RestoreEpoch func(context.Context) (int64, error)
}

// Postgres returns stores in a database with the service's migrations.
func Postgres(db *pgxpool.Pool) Stores {
	return Stores{
		Codes:        codepg.New(db, preset.RestrictionKeep),
		Families:     familypg.New(db, preset.RestrictionKeep),
		Revocations:  revocationpg.New(db, preset.RestrictionKeep),
		Sets:         resourcesetpg.New(db, preset.RestrictionKeep),
		Keys:         keypg.New(db, preset.RestrictionKeep),
		RestoreEpoch: func(ctx context.Context) (int64, error) { return coherentpg.RestoreEpoch(ctx, db) },
	}
}

// SQLite returns stores in a database with the service's migrations.
func SQLite(db *sqlite.DB) Stores {
	return Stores{
		Codes:        codesqlite.New(db, preset.RestrictionKeep),
		Families:     familysqlite.New(db, preset.RestrictionKeep),
		Revocations:  revocationsqlite.New(db, preset.RestrictionKeep),
		Sets:         resourcesetsqlite.New(db, preset.RestrictionKeep),
		Keys:         keysqlite.New(db, preset.RestrictionKeep),
		RestoreEpoch: func(ctx context.Context) (int64, error) { return coherentsqlite.RestoreEpoch(ctx, db.Read()) },
	}
}

// Migrations returns the service's schema. It needs those of pkg/coherent and
// pkg/event too.
func Migrations() migrate.Set { return migrations.Set() }
