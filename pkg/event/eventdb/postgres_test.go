package eventdb_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

// An error that the caller drops fails the change all the same.
func TestN291_IgnoredErrorFailsTheChange(t *testing.T) {
	db := pgtest.New(t, migrations.Set())
	d := under(database.Postgres(db))
	if err := d.Execute(t.Context(), d.Broken); err != nil {
		t.Fatal(err)
	}
	err := database.Postgres(db).InTx(t.Context(), func(tx *database.Tx) error {
		if eventdb.Append(t.Context(), tx, eventtest.Whole()) == nil {
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
	db, err := pg.Open(t.Context(), pgtest.URL(t, migrations.Set()), pg.Options{Tracer: &c, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	for events, want := range map[int]int{0: 0, 1: 1, 100: 1} {
		err := database.Postgres(db).InTx(t.Context(), func(tx *database.Tx) error {
			c.n = 0
			err := eventdb.Append(t.Context(), tx, make100()[:events]...)
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
	d := under(databasetest.Postgres(t, migrations.Set()))
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
