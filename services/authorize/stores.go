package authorize

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/authorize/internal/migrations"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed/pushedpg"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed/pushedsqlite"
	"github.com/chancery-auth/chancery/services/authorize/internal/session"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction/transactionpg"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction/transactionsqlite"
)

// Stores is everything the service keeps.
type Stores struct {
	Sessions     *session.Store
	Requests     pushed.Store
	Transactions transaction.Store
}

// Postgres returns stores on db, which has [Migrations] and those of
// pkg/coherent.
func Postgres(db *pgxpool.Pool) Stores {
	return Stores{
		Sessions:     session.NewStore(database.Postgres(db), preset.RestrictionKeep),
		Requests:     pushedpg.New(db),
		Transactions: transactionpg.New(db, transaction.DefaultBounds()),
	}
}

// SQLite returns stores on db, which has [Migrations] and those of pkg/coherent.
func SQLite(db *sqlite.DB) Stores {
	return Stores{
		Sessions:     session.NewStore(database.SQLite(db), preset.RestrictionKeep),
		Requests:     pushedsqlite.New(db),
		Transactions: transactionsqlite.New(db, transaction.DefaultBounds()),
	}
}

// Migrations returns the schema of the service. It goes after that of
// pkg/coherent.
func Migrations() migrate.Set { return migrations.Set() }
