package registry

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion/assertionpg"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion/assertionsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/authentication"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clientpg"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clientsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret/clientsecretpg"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret/clientsecretsqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken/initialtokenpg"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken/initialtokensqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/logo"
	"github.com/chancery-auth/chancery/services/registry/internal/logo/logopg"
	"github.com/chancery-auth/chancery/services/registry/internal/logo/logosqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

// Stores is everything the registry keeps.
type Stores struct {
	Clients     client.Store
	Lists       client.Lists
	Origins     client.Origins
	Credentials authentication.Clients
	Secrets     clientsecret.Store
	Assertions  assertion.Store
	Logos       logo.Store
	// InitialTokens are the tokens by which clients may register themselves.
	InitialTokens initialtoken.Store
	// Audit is the record of the changes of every service.
	Audit event.AuditLog
}

// Postgres returns stores on db, which has [Migrations] and those of
// pkg/coherent and pkg/event.
func Postgres(db *pgxpool.Pool) Stores {
	clients := clientpg.New(db, preset.RestrictionKeep)
	return Stores{
		Clients:       clients,
		Lists:         clients,
		Origins:       clients,
		Credentials:   clients,
		Secrets:       clientsecretpg.New(db, preset.RestrictionKeep),
		Assertions:    assertionpg.New(db),
		Logos:         logopg.New(db),
		InitialTokens: initialtokenpg.New(db),
		Audit:         eventdb.NewLog(database.Postgres(db)),
	}
}

// SQLite returns stores on db, which has [Migrations] and those of
// pkg/coherent and pkg/event.
func SQLite(db *sqlite.DB) Stores {
	clients := clientsqlite.New(db, preset.RestrictionKeep)
	return Stores{
		Clients:       clients,
		Lists:         clients,
		Origins:       clients,
		Credentials:   clients,
		Secrets:       clientsecretsqlite.New(db, preset.RestrictionKeep),
		Assertions:    assertionsqlite.New(db),
		Logos:         logosqlite.New(db),
		InitialTokens: initialtokensqlite.New(db),
		Audit:         eventdb.NewLog(database.SQLite(db)),
	}
}

// Migrations returns the schema of the registry. It goes after that of
// pkg/coherent.
func Migrations() migrate.Set { return migrations.Set() }
