// Package sqlitetest gives a test a SQLite database of its own.
package sqlitetest

import (
	"path/filepath"
	"testing"

	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/sqlite"
)

// New returns a fresh database with the sets applied. It is closed and gone
// when the test ends.
func New(t testing.TB, sets ...migrate.Set) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := migrate.UpSQLite(t.Context(), db, sets...); err != nil {
		t.Fatal(err)
	}
	return db
}
