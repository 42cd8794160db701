package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/sqlite"
)

func open(t *testing.T) *sqlite.DB {
	t.Helper()
	// A name that a URL would misread must still be that file.
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "a?b#c%20d.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	exec(t, db, `CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT`)
	exec(t, db, `CREATE TABLE part (thing INTEGER NOT NULL REFERENCES thing (id), n INTEGER, UNIQUE (thing, n)) STRICT`)
	return db
}

func exec(t *testing.T, db *sqlite.DB, statement string) {
	t.Helper()
	if _, err := db.Write().ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, db *sqlite.DB) (n int) {
	t.Helper()
	if err := db.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM thing`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSettings(t *testing.T) {
	db := open(t)
	for pool, conn := range map[string]*sql.DB{"writer": db.Write(), "reader": db.Read()} {
		want := map[string]string{"journal_mode": "wal", "busy_timeout": "5000"}
		if pool == "writer" {
			want["synchronous"], want["foreign_keys"] = "2", "1"
		}
		for pragma, want := range want {
			var got string
			if err := conn.QueryRowContext(t.Context(), `PRAGMA `+pragma).Scan(&got); err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("%s of the %s = %s, want %s", pragma, pool, got, want)
			}
		}
	}
}

func TestReaderCannotWrite(t *testing.T) {
	db := open(t)
	if _, err := db.Read().ExecContext(t.Context(), `INSERT INTO thing (name) VALUES ('a')`); err == nil {
		t.Error("the read-only pool writes")
	}
}

func TestInTxCommitsOrRollsBack(t *testing.T) {
	db := open(t)
	refused := errors.New("refused")
	for want, result := range []error{refused, nil} {
		err := db.InTx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO thing (name) VALUES ('a')`)
			return errors.Join(err, result)
		})
		if !errors.Is(err, result) {
			t.Errorf("InTx() = %v, want %v", err, result)
		}
		if got := count(t, db); got != want {
			t.Errorf("%d rows, want %d", got, want)
		}
	}
}

func TestEndedContextRollsBack(t *testing.T) {
	db := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.InTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO thing (name) VALUES ('a')`)
		cancel()
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("InTx() = %v, want context.Canceled", err)
	}
	if got := count(t, db); got != 0 {
		t.Errorf("%d rows, want 0", got)
	}
}

// What ends the context also ends the transaction, at some moment afterwards.
func TestEndedContextIsTheErrorOfEveryStatementAfterIt(t *testing.T) {
	db := open(t)
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.InTx(ctx, func(tx *sql.Tx) error {
			cancel()
			for {
				if _, err := tx.ExecContext(t.Context(), `INSERT INTO thing (name) VALUES ('a') ON CONFLICT DO NOTHING`); err != nil {
					return err
				}
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("InTx() = %v, want context.Canceled", err)
		}
	}
	if got := count(t, db); got != 0 {
		t.Errorf("%d rows, want 0", got)
	}
}

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	for _, existing := range []string{"", "test.db", "test.db-wal", "test.db-shm"} {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if existing != "" {
			if err := os.WriteFile(filepath.Join(dir, existing), nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		db, err := sqlite.Open(t.Context(), filepath.Join(dir, "test.db"))
		if err != nil {
			t.Fatal(err)
		}
		exec(t, db, `CREATE TABLE thing (id INTEGER PRIMARY KEY) STRICT`)
		for _, name := range []string{"test.db", "test.db-wal", "test.db-shm"} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != 0o600 {
				t.Errorf("%s has mode %o after %q was there, want 600", name, got, existing)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestWritersTakeTurns(t *testing.T) {
	db := open(t)
	const writers = 16
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			err := db.InTx(t.Context(), func(tx *sql.Tx) error {
				_, err := tx.ExecContext(t.Context(), `INSERT INTO thing (name) SELECT ? || count(*) FROM thing`, fmt.Sprint(i, "-"))
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := count(t, db); got != writers {
		t.Errorf("%d rows, want %d", got, writers)
	}
}

func TestUnique(t *testing.T) {
	db := open(t)
	exec(t, db, `INSERT INTO thing VALUES (1, 'a')`)
	exec(t, db, `INSERT INTO part VALUES (1, 1)`)
	for _, tt := range []struct {
		statement, columns string
		want               bool
	}{
		{`INSERT INTO thing VALUES (2, 'a')`, "thing.name", true},
		{`INSERT INTO thing VALUES (2, 'a')`, "", true},
		{`INSERT INTO thing VALUES (2, 'a')`, "thing.id", false},
		{`INSERT INTO thing VALUES (2, 'a')`, "thing.nam", false},
		{`INSERT INTO thing VALUES (1, 'b')`, "thing.id", true},
		{`INSERT INTO part VALUES (1, 1)`, "part.thing, part.n", true},
		{`INSERT INTO part VALUES (7, 1)`, "", false},
	} {
		_, err := db.Write().ExecContext(t.Context(), tt.statement)
		if err == nil {
			t.Fatalf("%s passes", tt.statement)
		}
		if got := sqlite.Unique(err, tt.columns); got != tt.want {
			t.Errorf("Unique(%v, %q) = %t, want %t", err, tt.columns, got, tt.want)
		}
	}
}

func TestInstantsKeepMicroseconds(t *testing.T) {
	want := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	if got := sqlite.FromTime(sqlite.Time(want)); !got.Equal(want) {
		t.Errorf("FromTime(Time(%v)) = %v", want, got)
	}
}

func TestDatabaseClockIsInMicroseconds(t *testing.T) {
	db := open(t)
	var now, seconds int64
	err := db.Read().QueryRowContext(t.Context(), `SELECT `+sqlite.NowMicros+`, unixepoch()`).Scan(&now, &seconds)
	if err != nil {
		t.Fatal(err)
	}
	if got := now / 1e6; got != seconds {
		t.Errorf("database clock is at second %d, want %d", got, seconds)
	}
}

func TestAFullDatabaseIsUnavailable(t *testing.T) {
	db := open(t)
	exec(t, db, `CREATE TABLE filler (content BLOB NOT NULL) STRICT`)
	exec(t, db, `PRAGMA max_page_count = 10`)
	_, err := db.Write().ExecContext(t.Context(), `INSERT INTO filler VALUES (zeroblob(1000000))`)
	if !sqlite.Unavailable(err) {
		t.Errorf("Unavailable(%v) = false", err)
	}
	_, err = db.Write().ExecContext(t.Context(), `INSERT INTO filler VALUES (NULL)`)
	if err == nil || sqlite.Unavailable(err) {
		t.Errorf("Unavailable(%v) = true, for a statement that is wrong", err)
	}
}
