package session_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/services/authorize/internal/migrations"
	"github.com/chancery-auth/chancery/services/authorize/internal/session"
	"github.com/chancery-auth/chancery/services/authorize/internal/session/sessiontest"
)

func TestStore(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) {
		sessiontest.RunStore(t, func(t *testing.T) sessiontest.Store {
			db := open(t, coherence.Set(), events.Set(), migrations.Set())
			return sessiontest.Store{
				Store: session.NewStore(db, time.Hour),
				Audit: eventtest.On(db),
				Logged: func(t *testing.T) (ids []uuid.UUID) {
					t.Helper()
					keys, err := database.Collect(t.Context(), db, database.Scan[[]byte], `SELECT key FROM coherence.restriction_log WHERE kind = 4`)
					if err != nil {
						t.Fatal(err)
					}
					for _, key := range keys {
						ids = append(ids, uuid.UUID(key))
					}
					return ids
				},
			}
		})
	})
}
