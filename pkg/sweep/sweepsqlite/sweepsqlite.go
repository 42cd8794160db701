// Package sweepsqlite deletes due rows from SQLite.
package sweepsqlite

import (
	"context"
	"time"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Tables is database.Sweeps.
func Tables(db *sqlite.DB, rules ...sweep.Rule) []sweep.Table {
	return database.Sweeps(database.SQLite(db), rules...)
}

// Now is database.Now.
func Now(db *sqlite.DB) func(context.Context) (time.Time, error) { return database.SQLite(db).Now }
