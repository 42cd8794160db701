package eventdb_test

import (
	"context"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
)

const (
	agedPostgres    = `INSERT INTO event.audit_log VALUES ($1, statement_timestamp() - $2 * interval '1 second', 'key.created', '', '', '')`
	agedSQLite      = `INSERT INTO event.audit_log VALUES ($1, statement_timestamp() - $2 * 1000000, 'key.created', '', '', x'')`
	delayedPostgres = `DO $$ BEGIN
		ALTER TABLE event.outbox DISABLE TRIGGER outbox_no_update;
		UPDATE event.outbox SET event_time = event_time - interval '1 hour';
		ALTER TABLE event.outbox ENABLE TRIGGER outbox_no_update;
	END $$`
	delayedSQLite = `UPDATE event.outbox SET event_time = event_time - 3600000000`
)

func under(db *database.DB) eventtest.Database {
	execute := func(c database.Conn) eventtest.Execute {
		return func(ctx context.Context, statement string, args ...any) error {
			_, err := c.Exec(ctx, statement, args...)
			return err
		}
	}
	return eventtest.Database{
		Log:    eventdb.NewLog(db),
		Outbox: eventdb.NewOutbox(db),
		InTx: func(ctx context.Context, f func(eventtest.Append, eventtest.Execute) error) error {
			return db.InTx(ctx, func(tx *database.Tx) error {
				return f(func(events ...event.Event) error { return eventdb.Append(ctx, tx, events...) }, execute(tx))
			})
		},
		Execute: execute(db),
		Sweep: func(ctx context.Context, keep time.Duration) (int64, error) {
			return sweeptest.All(ctx, eventdb.Sweeps(db, keep)...)
		},
		Audit:   db.Either("event.audit_log", "event_audit_log"),
		Aged:    db.Either(agedPostgres, agedSQLite),
		Delayed: db.Either(delayedPostgres, delayedSQLite),
		Broken:  eventtest.Broken(db),
	}
}

func TestN291_Database(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) {
		eventtest.Run(t, func(t *testing.T) eventtest.Database { return under(open(t, migrations.Set())) })
	})
}
