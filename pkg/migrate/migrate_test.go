package migrate_test

import (
	"context"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
)

func file(statement string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("-- +goose Up\n" + statement + ";\n")}
}

var (
	first = migrate.New("first", fstest.MapFS{
		"postgres/0001_a.sql": file(`CREATE TABLE first.a (id bigint)`),
		"postgres/0002_b.sql": file(`CREATE TABLE first.b (id bigint)`),
		"sqlite/0001_a.sql":   file(`CREATE TABLE first_a (id INTEGER) STRICT`),
		"sqlite/0002_b.sql":   file(`CREATE TABLE first_b (id INTEGER) STRICT`),
	})
	second = migrate.New("second", fstest.MapFS{
		"postgres/0001_a.sql": file(`CREATE TABLE second.a (id bigint)`),
		"sqlite/0001_a.sql":   file(`CREATE TABLE second_a (id INTEGER) STRICT`),
	})
)

func checkStatus(t *testing.T, got []migrate.Status, err error, wantApplied int) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	applied := 0
	for _, s := range got {
		if !s.Applied.IsZero() {
			applied++
		}
	}
	if len(got) != 3 || applied != wantApplied {
		t.Errorf("status = %+v, want 3 migrations, %d of them applied", got, wantApplied)
	}
	if got[1].Set != "first" || got[1].Version != 2 || got[1].Name != "0002_b.sql" {
		t.Errorf("status[1] = %+v", got[1])
	}
}

func TestPostgresSetsAreApartAndUpIsRepeatable(t *testing.T) {
	url := pgtest.URL(t)
	got, err := migrate.StatusPostgres(t.Context(), url, first, second)
	checkStatus(t, got, err, 0)
	for range 2 {
		if err := migrate.UpPostgres(t.Context(), url, first, second); err != nil {
			t.Fatal(err)
		}
		got, err := migrate.StatusPostgres(t.Context(), url, first, second)
		checkStatus(t, got, err, 3)
	}
}

func TestManyMigratorsMayRunAtOnce(t *testing.T) {
	url := pgtest.URL(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := migrate.UpPostgres(t.Context(), url, first, second); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := migrate.StatusPostgres(t.Context(), url, first, second)
	checkStatus(t, got, err, 3)
}

func TestSQLiteSetsAreApartAndUpIsRepeatable(t *testing.T) {
	db := sqlitetest.New(t)
	got, err := migrate.StatusSQLite(t.Context(), db, first, second)
	checkStatus(t, got, err, 0)
	for range 2 {
		if err := migrate.UpSQLite(t.Context(), db, first, second); err != nil {
			t.Fatal(err)
		}
		got, err := migrate.StatusSQLite(t.Context(), db, first, second)
		checkStatus(t, got, err, 3)
	}
}

func TestSetNameIsAnIdentifier(t *testing.T) {
	db, url := sqlitetest.New(t), pgtest.URL(t)
	for _, name := range []string{"", "a b", "A", "a;DROP", `a"b`} {
		set := migrate.Set{Name: name, Postgres: first.Postgres, SQLite: first.SQLite}
		if err := migrate.UpSQLite(t.Context(), db, set); err == nil {
			t.Errorf("UpSQLite with the name %q passes", name)
		}
		if err := migrate.UpPostgres(t.Context(), url, set); err == nil {
			t.Errorf("UpPostgres with the name %q passes", name)
		}
	}
}

// A migration that must wait for a table does not make others wait behind it.
func TestMigrationLetsOthersThroughWhileItWaits(t *testing.T) {
	url := pgtest.URL(t)
	if err := migrate.UpPostgres(t.Context(), url, second); err != nil {
		t.Fatal(err)
	}
	reader, writer := connect(t, url), connect(t, url)
	if _, err := reader.Exec(t.Context(), `BEGIN; SELECT FROM second.a`); err != nil {
		t.Fatal(err)
	}
	later := migrate.New("second", fstest.MapFS{
		"postgres/0001_a.sql": file(`CREATE TABLE second.a (id bigint)`),
		"postgres/0002_b.sql": file(`ALTER TABLE second.a ADD COLUMN b bigint`),
	})
	done := make(chan error, 1)
	go func() { done <- migrate.UpPostgres(t.Context(), url, later) }()
	for waits := false; !waits; {
		err := writer.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'second.a'::regclass)`).Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := writer.Exec(t.Context(), `INSERT INTO second.a VALUES (1)`); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		t.Fatalf("the migration ended (%v) while the table was in use", err)
	default:
	}
	if _, err := reader.Exec(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
