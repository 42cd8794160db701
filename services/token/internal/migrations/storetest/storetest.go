// Package storetest gives the contract suites of this service their databases,
// and reads what was logged there.
package storetest

import (
	"bytes"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/services/token/internal/migrations"
)

// Open returns an empty database, and the source of its restriction log.
type Open func(t *testing.T) (*database.DB, coherent.Source)

// Each runs f with each database.
func Each(t *testing.T, f func(t *testing.T, open Open)) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) { f(t, with(open)) })
}

// SQLite opens the one that is quicker.
func SQLite(t *testing.T) (*database.DB, coherent.Source) {
	t.Helper()
	return with(databasetest.SQLite)(t)
}

// Postgres opens the one that lets transactions run at once.
func Postgres(t *testing.T) (*database.DB, coherent.Source) {
	t.Helper()
	return with(databasetest.Postgres)(t)
}

func with(open databasetest.Open) Open {
	return func(t *testing.T) (*database.DB, coherent.Source) {
		t.Helper()
		db := open(t, coherence.Set(), events.Set(), migrations.Set())
		return db, coherenttest.Source(t, db)
	}
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
