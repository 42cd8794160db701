package database_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
)

func exec(t *testing.T, tx pgx.Tx, statement string) {
	t.Helper()
	if _, err := tx.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// Neither waits for the other: the sweep leaves the row, and finds it the next time.
func TestN311_ARowThatARequestHasLockedIsLeft(t *testing.T) {
	db := pgtest.New(t, sweeptest.Migrations())
	d := swept(database.Postgres(db))
	if err := d.Add(t.Context(), 1, 30, 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	exec(t, tx, `SELECT FROM sample.item WHERE id IN (1, 7) FOR UPDATE`)
	for _, want := range []int64{28, 0} {
		if rows, err := sweeptest.All(t.Context(), d.Tables(sweeptest.Rule())...); rows != want || err != nil {
			t.Fatalf("%d rows went, %v, want %d", rows, err, want)
		}
	}
	// The request saves its row.
	exec(t, tx, `UPDATE sample.item SET due = due + interval '1 day' WHERE id = 7`)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows, err := sweeptest.All(t.Context(), d.Tables(sweeptest.Rule())...); rows != 1 || err != nil {
		t.Errorf("%d rows went, %v, want that of the other", rows, err)
	}
	if ids, _, err := d.Left(t.Context()); len(ids) != 1 || ids[0] != 7 || err != nil {
		t.Errorf("%v are left, %v, want 7", ids, err)
	}
}

// A statement that is too long ends by itself, and takes nothing with it.
func TestN311_NoStatementTakesLongerThanASecond(t *testing.T) {
	db := pgtest.New(t, sweeptest.Migrations())
	d := swept(database.Postgres(db))
	if err := d.Add(t.Context(), 1, 20, 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	_, err := db.Exec(t.Context(), `
		CREATE FUNCTION sample.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN OLD; END $$;
		CREATE TRIGGER slow BEFORE DELETE ON sample.item FOR EACH ROW EXECUTE FUNCTION sample.slow()`)
	if err != nil {
		t.Fatal(err)
	}
	table := d.Tables(sweeptest.Rule())[0]
	now, err := table.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b, err := table.Delete(t.Context(), now, 20); err == nil || !strings.Contains(err.Error(), "statement timeout") {
		t.Errorf("Delete(20) = %+v, %v, want that it ends", b, err)
	}
	if ids, parts, err := d.Left(t.Context()); len(ids) != 20 || parts != 40 || err != nil {
		t.Errorf("%v are left, and %d parts, %v", ids, parts, err)
	}
	if b, err := table.Delete(t.Context(), now, 1); b.Rows != 1 || err != nil {
		t.Errorf("Delete(1) = %+v, %v", b, err)
	}
	// The limit is the batch's, and not the connection's.
	var limit string
	if err := db.QueryRow(t.Context(), `SHOW statement_timeout`).Scan(&limit); err != nil || limit != "10s" {
		t.Errorf("statement_timeout = %s, %v", limit, err)
	}
}

// What is gone is not read again, but once an hour.
func TestN311_ABatchBeginsBehindWhatIsGone(t *testing.T) {
	db := pgtest.New(t, sweeptest.Migrations())
	d := swept(database.Postgres(db))
	table := d.Tables(sweeptest.Rule())[0]
	now, err := table.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, tt := range []struct {
		later time.Duration
		want  int64
	}{{0, 0}, {time.Minute, 0}, {61 * time.Minute, 0}, {62 * time.Minute, 1}} {
		b, err := table.Delete(t.Context(), now.Add(tt.later), 10)
		if b.Rows != tt.want || err != nil {
			t.Errorf("%s later: %d rows went, %v, want %d", tt.later, b.Rows, err, tt.want)
		}
		if i == 0 {
			if err := d.Add(t.Context(), 1, 1, 3*time.Hour); err != nil {
				t.Fatal(err)
			}
		}
	}
}
