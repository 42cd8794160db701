package authorize

import (
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/authorize/internal/migrations"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
	"github.com/chancery-auth/chancery/services/authorize/internal/session"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
)

// Stores is everything the service keeps.
type Stores struct {
	Sessions     *session.Store
	Requests     *pushed.Store
	Transactions *transaction.Store
}

// NewStores returns stores on db, which has [Migrations] and those of
// pkg/coherent.
func NewStores(db *database.DB) Stores {
	return Stores{
		Sessions:     session.NewStore(db, preset.RestrictionKeep),
		Requests:     pushed.NewStore(db),
		Transactions: transaction.NewStore(db, transaction.DefaultBounds()),
	}
}

// Migrations returns the schema of the service. It goes after that of
// pkg/coherent.
func Migrations() migrate.Set { return migrations.Set() }
