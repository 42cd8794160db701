package initialtokenpg_test

import (
	"testing"

	"github.com/google/uuid"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken/initialtokenpg"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken/initialtokentest"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	initialtokentest.RunStore(t, func(t *testing.T) initialtokentest.Stores {
		db := pgtest.New(t, coherence.Set(), events.Set(), migrations.Set())
		return initialtokentest.Stores{
			Tokens: initialtokenpg.New(db),
			Audit:  eventtest.Postgres(db),
			Expire: func(t *testing.T, id uuid.UUID) {
				t.Helper()
				_, err := db.Exec(t.Context(), `
					UPDATE registry.initial_access_token
					   SET create_time = create_time - interval '1 day', expire_time = statement_timestamp()
					 WHERE token_id = $1`, id)
				if err != nil {
					t.Fatal(err)
				}
			},
			Count: func(t *testing.T) (n int) {
				t.Helper()
				if err := db.QueryRow(t.Context(), `SELECT count(*) FROM registry.initial_access_token`).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n
			},
		}
	})
}
