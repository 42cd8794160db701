package initialtoken_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken/initialtokentest"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

func TestStore(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) {
		initialtokentest.RunStore(t, func(t *testing.T) initialtokentest.Stores {
			db := open(t, coherence.Set(), events.Set(), migrations.Set())
			return initialtokentest.Stores{
				Tokens: initialtoken.NewStore(db),
				Audit:  eventtest.On(db),
				Expire: func(t *testing.T, id uuid.UUID) {
					t.Helper()
					_, err := db.Exec(t.Context(), `
						UPDATE registry.initial_access_token
						   SET create_time = create_time - $2::interval, expire_time = statement_timestamp()
						 WHERE token_id = $1`, id.String(), 24*time.Hour)
					if err != nil {
						t.Fatal(err)
					}
				},
				Count: func(t *testing.T) int {
					t.Helper()
					n, err := database.Scan[int](db.QueryRow(t.Context(), `SELECT count(*) FROM registry.initial_access_token`))
					if err != nil {
						t.Fatal(err)
					}
					return n
				},
			}
		})
	})
}
