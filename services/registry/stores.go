package registry

import (
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken"
	"github.com/chancery-auth/chancery/services/registry/internal/logo"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

// Stores is everything the registry keeps.
type Stores struct {
	Clients    *client.Store
	Secrets    *clientsecret.Store
	Assertions *assertion.Store
	Logos      *logo.Store
	// InitialTokens are the tokens by which clients may register themselves.
	InitialTokens *initialtoken.Store
	// Audit is the record of the changes of every service.
	Audit event.AuditLog
}

// NewStores returns stores on db, which has [Migrations] and those of
// pkg/coherent and pkg/event.
func NewStores(db *database.DB) Stores {
	return Stores{
		Clients:       client.NewStore(db, preset.RestrictionKeep),
		Secrets:       clientsecret.NewStore(db, preset.RestrictionKeep),
		Assertions:    assertion.NewStore(db),
		Logos:         logo.NewStore(db),
		InitialTokens: initialtoken.NewStore(db),
		Audit:         eventdb.NewLog(db),
	}
}

// Migrations returns the schema of the registry. It goes after that of
// pkg/coherent.
func Migrations() migrate.Set { return migrations.Set() }
