package sessionpg_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/services/authorize/internal/migrations"
	"github.com/chancery-auth/chancery/services/authorize/internal/session/sessionpg"
	"github.com/chancery-auth/chancery/services/authorize/internal/session/sessiontest"
)

func TestStore(t *testing.T) {
	sessiontest.RunStore(t, func(t *testing.T) sessiontest.Store {
		db := pgtest.New(t, coherence.Set(), events.Set(), migrations.Set())
		return sessiontest.Store{
			Store: sessionpg.New(db, time.Hour),
			Audit: eventtest.Postgres(db),
			Logged: func(t *testing.T) []uuid.UUID {
				t.Helper()
				rows, err := db.Query(t.Context(), `SELECT encode(key, 'hex')::uuid FROM coherence.restriction_log WHERE kind = 4`)
				if err != nil {
					t.Fatal(err)
				}
				ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
				if err != nil {
					t.Fatal(err)
				}
				return ids
			},
		}
	})
}
