package sessionsqlite_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/authorize/internal/migrations"
	"github.com/chancery-auth/chancery/services/authorize/internal/session/sessionsqlite"
	"github.com/chancery-auth/chancery/services/authorize/internal/session/sessiontest"
)

func TestStore(t *testing.T) {
	sessiontest.RunStore(t, func(t *testing.T) sessiontest.Store {
		db := sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set())
		return sessiontest.Store{
			Store: sessionsqlite.New(db, time.Hour),
			Audit: eventtest.SQLite(db),
			Logged: func(t *testing.T) []uuid.UUID {
				t.Helper()
				rows, err := db.Read().QueryContext(t.Context(), `SELECT key FROM coherence_restriction_log WHERE kind = 4`)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = rows.Close() }()
				var ids []uuid.UUID
				for rows.Next() {
					var key []byte
					if err := rows.Scan(&key); err != nil {
						t.Fatal(err)
					}
					ids = append(ids, uuid.UUID(key))
				}
				if err := rows.Err(); err != nil {
					t.Fatal(err)
				}
				return ids
			},
		}
	})
}
