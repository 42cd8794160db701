package initialtokensqlite_test

import (
	"testing"

	"github.com/google/uuid"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken/initialtokensqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken/initialtokentest"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	initialtokentest.RunStore(t, func(t *testing.T) initialtokentest.Stores {
		db := sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set())
		return initialtokentest.Stores{
			Tokens: initialtokensqlite.New(db),
			Audit:  eventtest.SQLite(db),
			Expire: func(t *testing.T, id uuid.UUID) {
				t.Helper()
				_, err := db.Write().ExecContext(t.Context(), `
					UPDATE registry_initial_access_token
					   SET create_time = create_time - 86400000000, expire_time = `+sqlite.NowMicros+`
					 WHERE token_id = ?`, id.String())
				if err != nil {
					t.Fatal(err)
				}
			},
			Count: func(t *testing.T) (n int) {
				t.Helper()
				if err := db.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM registry_initial_access_token`).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			},
		}
	})
}
