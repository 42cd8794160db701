package migrate_test

import (
	"sync"
	"testing"
	"testing/fstest"

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
