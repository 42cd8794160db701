package pgtest_test

import (
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/pgtest"
)

var schema = migrate.New("thing", fstest.MapFS{"postgres/0001_thing.sql": {
	Data: []byte("-- +goose Up\nCREATE TABLE thing.thing (id bigint);\n"),
}})

func insert(t *testing.T, db *pgxpool.Pool) (count int) {
	t.Helper()
	if _, err := db.Exec(t.Context(), `INSERT INTO thing.thing VALUES (1)`); err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRow(t.Context(), `SELECT count(*) FROM thing.thing`).Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}

func TestEachDatabaseIsFreshAndMigrated(t *testing.T) {
	for range 3 {
		if got := insert(t, pgtest.New(t, schema)); got != 1 {
			t.Errorf("%d rows, want 1", got)
		}
	}
}

func TestDatabaseIsDroppedWithItsTest(t *testing.T) {
	var name string
	t.Run("user", func(t *testing.T) {
		err := pgtest.New(t).QueryRow(t.Context(), `SELECT current_database()`).Scan(&name)
		if err != nil {
			t.Fatal(err)
		}
	})
	var left int
	err := pgtest.New(t).QueryRow(t.Context(), `SELECT count(*) FROM pg_database WHERE datname = $1`, name).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d databases named %s left, error %v", left, name, err)
	}
}

func TestServerKeepsCommittedRowsOverACrash(t *testing.T) {
	s := pgtest.Server(t, schema)
	db := s.Open(t)
	insert(t, db)
	s.Kill(t)
	if err := db.Ping(t.Context()); err == nil {
		t.Error("a killed server answers")
	}
	s.Start(t)
	db.Reset()
	if got := insert(t, db); got != 2 {
		t.Errorf("%d rows, want 2", got)
	}
	s.Restart(t)
	db.Reset()
	if got := insert(t, db); got != 3 {
		t.Errorf("%d rows, want 3", got)
	}
}
