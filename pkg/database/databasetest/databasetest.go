// Package databasetest gives a test each database that a store has to do with.
package databasetest

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
)

// Open returns a fresh database with the sets applied. It is gone when the test ends.
type Open func(t testing.TB, sets ...migrate.Set) *database.DB

// SQLite opens a file.
func SQLite(t testing.TB, sets ...migrate.Set) *database.DB {
	return database.SQLite(sqlitetest.New(t, sets...))
}

// Postgres opens a database of the test's own server.
func Postgres(t testing.TB, sets ...migrate.Set) *database.DB {
	return database.Postgres(pgtest.New(t, sets...))
}

// Each runs f with SQLite and then, but for go test -short, with PostgreSQL.
func Each(t *testing.T, f func(t *testing.T, open Open)) {
	t.Run("SQLite", func(t *testing.T) { f(t, SQLite) })
	if !testing.Short() {
		t.Run("PostgreSQL", func(t *testing.T) { f(t, Postgres) })
	}
}
