package coherenttest

import (
	"context"
	"testing"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/pg"
)

// Source returns what reads the log in db, until the test ends.
func Source(t testing.TB, db *database.DB) coherent.Source {
	t.Helper()
	pool, file := db.Unwrap()
	if file != nil {
		return coherentsqlite.NewSource(file)
	}
	source := coherentpg.NewSource(pool.Config().ConnString(), pg.Options{AllowPlaintext: true})
	t.Cleanup(func() {
		if err := source.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return source
}
