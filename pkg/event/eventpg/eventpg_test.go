package eventpg_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventpg"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
)

func database(db *pgxpool.Pool) eventtest.Database {
	execute := func(ctx context.Context, statement string, args ...any) error {
		_, err := db.Exec(ctx, statement, args...)
		return err
	}
	return eventtest.Database{
		Log:    eventpg.NewLog(db),
		Outbox: eventpg.NewOutbox(db),
		InTx: func(ctx context.Context, f func(eventtest.Append, eventtest.Execute) error) error {
			return pg.InTx(ctx, db, func(tx pgx.Tx) error {
				return f(func(events ...event.Event) error { return eventpg.Append(ctx, tx, events...) },
					func(ctx context.Context, statement string, args ...any) error {
						_, err := tx.Exec(ctx, statement, args...)
						return err
					})
			})
		},
		Execute: execute,
		Sweep: func(ctx context.Context, keep time.Duration) (int64, error) {
			return sweeptest.All(ctx, eventpg.Sweeps(db, keep)...)
		},
		Audit: "event.audit_log",
		Aged:  `INSERT INTO event.audit_log VALUES ($1, statement_timestamp() - $2 * interval '1 second', 'key.created', '', '', '')`,
		Delayed: `DO $$ BEGIN
			ALTER TABLE event.outbox DISABLE TRIGGER outbox_no_update;
			UPDATE event.outbox SET event_time = event_time - interval '1 hour';
			ALTER TABLE event.outbox ENABLE TRIGGER outbox_no_update;
		END $$`,
		Broken: `DO $$ BEGIN
			CREATE FUNCTION event.broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''full''; END';
			CREATE TRIGGER broken BEFORE INSERT ON event.audit_log FOR EACH ROW EXECUTE FUNCTION event.broken();
		END $$`,
	}
}

func TestN291_Database(t *testing.T) {
	eventtest.Run(t, func(t *testing.T) eventtest.Database { return database(pgtest.New(t, migrations.Set())) })
}

func open(t *testing.T, url string, o pg.Options) *pgxpool.Pool {
	t.Helper()
	db, err := pg.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// An error that the caller drops fails the change all the same.
func TestN291_IgnoredErrorFailsTheChange(t *testing.T) {
	db := pgtest.New(t, migrations.Set())
	d := database(db)
	if err := d.Execute(t.Context(), d.Broken); err != nil {
		t.Fatal(err)
	}
	err := pg.InTx(t.Context(), db, func(tx pgx.Tx) error {
		if eventpg.Append(t.Context(), tx, eventtest.Whole()) == nil {
			t.Error("Append succeeds")
		}
		return nil
	})
	if !errors.Is(err, pgx.ErrTxCommitRollback) || errors.Is(err, pg.ErrUnknownOutcome) {
		t.Errorf("InTx() = %v, want %v", err, pgx.ErrTxCommitRollback)
	}
}

func TestTruncateIsRefused(t *testing.T) {
	db := pgtest.New(t, migrations.Set())
	for _, statement := range []string{
		`TRUNCATE event.audit_log`,
		`SELECT set_config('chancery.audit_keep', '0', true); TRUNCATE event.audit_log`,
	} {
		// Two statements go in one transaction by the simple protocol.
		if _, err := db.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol); err == nil {
			t.Errorf("%s succeeds", statement)
		}
	}
}

// counter counts statements.
type counter struct{ n int }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n++
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestAppendIsOneStatement(t *testing.T) {
	var c counter
	db := open(t, pgtest.URL(t, migrations.Set()), pg.Options{Tracer: &c, MaxConns: 1})
	for events, want := range map[int]int{0: 0, 1: 1, 100: 1} {
		err := pg.InTx(t.Context(), db, func(tx pgx.Tx) error {
			c.n = 0
			err := eventpg.Append(t.Context(), tx, make100()[:events]...)
			if c.n != want {
				t.Errorf("%d statements for %d events, want %d", c.n, events, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func make100() []event.Event {
	events := make([]event.Event, 100)
	for i := range events {
		events[i] = eventtest.Whole()
	}
	return events
}

// Neither waits for the other, and no event is handed to both.
func TestTwoRelaysShareTheOutbox(t *testing.T) {
	d := database(pgtest.New(t, migrations.Set()))
	eventtest.Write(t, d, make100()...)
	first := map[string]bool{}
	_, err := d.Outbox.Relay(t.Context(), 60, func(ctx context.Context, records []event.Record) error {
		for _, r := range records {
			first[r.ID.String()] = true
		}
		n, err := d.Outbox.Relay(ctx, 60, func(_ context.Context, records []event.Record) error {
			for _, r := range records {
				if first[r.ID.String()] {
					t.Errorf("%s is handed to both", r.ID)
				}
			}
			return nil
		})
		if n != 40 {
			t.Errorf("the second relay gets %d events, want 40", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if pending, _, err := d.Outbox.Lag(t.Context()); pending != 0 || err != nil {
		t.Errorf("Lag() = %d, %v, want none", pending, err)
	}
}

// start runs something until the test ends.
func start(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := run(ctx); err != nil {
			t.Errorf("Run() = %v", err)
		}
	})
	stop = func() {
		cancel()
		wg.Wait()
	}
	t.Cleanup(stop)
	return stop
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
