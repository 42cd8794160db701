package eventsqlite_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventsqlite"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
)

func TestN291_Database(t *testing.T) {
	eventtest.Run(t, func(t *testing.T) eventtest.Database {
		db := sqlitetest.New(t, migrations.Set())
		return eventtest.Database{
			Log:    eventsqlite.NewLog(db),
			Outbox: eventsqlite.NewOutbox(db),
			InTx: func(ctx context.Context, f func(eventtest.Append, eventtest.Execute) error) error {
				return db.InTx(ctx, func(tx *sql.Tx) error {
					return f(func(events ...event.Event) error { return eventsqlite.Append(ctx, tx, events...) },
						func(ctx context.Context, statement string, args ...any) error {
							_, err := tx.ExecContext(ctx, statement, args...)
							return err
						})
				})
			},
			Execute: func(ctx context.Context, statement string, args ...any) error {
				_, err := db.Write().ExecContext(ctx, statement, args...)
				return err
			},
			Sweep: func(ctx context.Context, keep time.Duration) (int64, error) {
				return sweeptest.All(ctx, eventsqlite.Sweeps(db, keep)...)
			},
			Audit:   "event_audit_log",
			Aged:    `INSERT INTO event_audit_log VALUES (?, ` + sqlite.NowMicros + ` - ? * 1000000, 'key.created', '', '', x'')`,
			Delayed: `UPDATE event_outbox SET event_time = event_time - 3600000000`,
			Broken:  `CREATE TRIGGER broken BEFORE INSERT ON event_audit_log BEGIN SELECT RAISE(ABORT, 'full'); END`,
		}
	})
}
