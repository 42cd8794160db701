// Package storetest gives the contract suites of this service their databases,
// and reads what was logged there.
package storetest

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/token/internal/migrations"
)

// Postgres returns an empty database, and the source of its restriction log.
func Postgres(t *testing.T) (*pgxpool.Pool, coherent.Source) {
	t.Helper()
	url := pgtest.URL(t, coherence.Set(), events.Set(), migrations.Set())
	db, err := pg.Open(t.Context(), url, pg.Options{MaxConns: 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	log := coherentpg.NewSource(url, pg.Options{})
	t.Cleanup(func() {
		if err := log.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return db, log
}

// SQLite returns an empty database, and the source of its restriction log.
func SQLite(t *testing.T) (*sqlite.DB, coherent.Source) {
	t.Helper()
	db := sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set())
	return db, coherentsqlite.NewSource(db)
}

// CheckLog checks that exactly want was logged, in any order. What is logged
// more than once counts once.
func CheckLog(t *testing.T, log coherent.Source, want ...coherent.Restriction) {
	t.Helper()
	batch, err := coherenttest.Load(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	var got []coherent.Restriction
	for _, e := range batch.Entries {
		got = append(got, e.Restriction)
	}
	if diff := cmp.Diff(distinct(want), distinct(got), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("restriction log (-want +got):\n%s", diff)
	}
}

func distinct(rs []coherent.Restriction) []coherent.Restriction {
	rs = slices.Clone(rs)
	slices.SortFunc(rs, func(a, b coherent.Restriction) int {
		if a.Kind != b.Kind {
			return int(a.Kind) - int(b.Kind)
		}
		return bytes.Compare(a.Key, b.Key)
	})
	return slices.CompactFunc(rs, func(a, b coherent.Restriction) bool { return cmp.Equal(a, b, cmpopts.EquateEmpty()) })
}

// AtOnce runs n calls that start together, and waits for them.
func AtOnce(n int, call func(i int)) {
	var done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		done.Go(func() {
			<-start
			call(i)
		})
	}
	close(start)
	done.Wait()
}
