package sweeptest

import (
	"context"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Migrations are those of the tables that the suite sweeps.
func Migrations() migrate.Set {
	file := func(statements string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("-- +goose Up\n" + statements)}
	}
	return migrate.New("sample", fstest.MapFS{
		"postgres/0001_sample.sql": file(`
			CREATE TABLE sample.item (id bigint PRIMARY KEY, due timestamptz);
			CREATE TABLE sample.part (item_id bigint NOT NULL REFERENCES sample.item (id), n bigint, PRIMARY KEY (item_id, n));
			CREATE INDEX item_due ON sample.item (due);`),
		"sqlite/0001_sample.sql": file(`
			CREATE TABLE sample_item (id INTEGER NOT NULL PRIMARY KEY, due INTEGER) STRICT, WITHOUT ROWID;
			CREATE TABLE sample_part (item_id INTEGER NOT NULL REFERENCES sample_item (id), n INTEGER, PRIMARY KEY (item_id, n)) STRICT;
			CREATE INDEX sample_item_due ON sample_item (due);`),
	})
}

// after is how long an item stays once it is due.
const after = time.Hour

// Rule is when an item goes, with its parts.
func Rule() sweep.Rule {
	return sweep.Rule{Table: "sample.item", Key: "id", Due: "due", After: after, Children: []string{"sample.part"}, Parent: "item_id"}
}

// Database is what a case stands on.
type Database struct {
	// Tables are those of rules, as another process has them.
	Tables func(rules ...sweep.Rule) []sweep.Table
	// Add adds items with the ids from first to last, due that long ago, each with two
	// parts. A younger item has a greater id: they are a microsecond apart.
	Add func(ctx context.Context, first, last int, ago time.Duration) error
	// AddForever adds an item that is never due.
	AddForever func(ctx context.Context, id int) error
	// Left returns the ids of the items, in order, and the number of their parts.
	Left func(ctx context.Context) (ids []int, parts int, err error)
}

// Run checks an implementation. open returns an empty database with [Migrations].
func Run(t *testing.T, open func(t *testing.T) Database) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Database)
	}{
		{"what is due goes, with what belongs to it, and nothing else", dueRowsGo},
		{"a batch is bounded, and begins with what was due first", batchIsBounded},
		{"another process goes on where one has ended", goesOn},
		{"several sweep at once", severalAtOnce},
		{"the caller says what time it is", callersTime},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

func (d Database) add(t *testing.T, first, last int, ago time.Duration) {
	t.Helper()
	if err := d.Add(t.Context(), first, last, ago); err != nil {
		t.Fatal(err)
	}
}

// check checks which items are left.
func (d Database) check(t *testing.T, want ...int) {
	t.Helper()
	ids, parts, err := d.Left(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) != len(want) || len(want) > 0 && (ids[0] != want[0] || ids[len(ids)-1] != want[len(want)-1]) {
		t.Errorf("%d items are left: %v, want %v", len(ids), ids, want)
	}
	if parts != 2*len(ids) {
		t.Errorf("%d parts of %d items are left", parts, len(ids))
	}
}

// batchOf10 deletes at most 10 rows.
func batchOf10(t *testing.T, table sweep.Table) sweep.Batch {
	t.Helper()
	now, err := table.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := table.Delete(t.Context(), now, 10)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func dueRowsGo(t *testing.T, d Database) {
	d.add(t, 1, 25, after+time.Minute)
	d.add(t, 26, 26, after-time.Minute)
	d.add(t, 27, 27, -time.Hour)
	if rows, err := All(t.Context(), d.Tables(Rule())...); rows != 25 || err != nil {
		t.Errorf("%d rows went, %v, want 25", rows, err)
	}
	d.check(t, 26, 27)
	if err := d.AddForever(t.Context(), 28); err != nil {
		t.Fatal(err)
	}
	if rows, err := All(t.Context(), d.Tables(Rule())...); rows != 0 || err != nil {
		t.Errorf("%d rows went, %v, want none", rows, err)
	}
	if ids, _, err := d.Left(t.Context()); len(ids) != 3 || err != nil {
		t.Errorf("%v are left, %v", ids, err)
	}
}

func batchIsBounded(t *testing.T, d Database) {
	d.add(t, 1, 25, 2*after)
	table := d.Tables(Rule())[0]
	first := batchOf10(t, table)
	if first.Rows != 10 || !first.More {
		t.Errorf("first batch = %+v", first)
	}
	d.check(t, span(11, 25)...)
	second := batchOf10(t, table)
	if apart := second.DueTime.Sub(first.DueTime); second.Rows != 10 || !second.More || apart != 10*time.Microsecond {
		t.Errorf("second batch = %+v, %s after the first", second, apart)
	}
	d.check(t, span(21, 25)...)
	if last := batchOf10(t, table); last.Rows != 5 || last.More {
		t.Errorf("last batch = %+v", last)
	}
	// What became due at an instant that is behind goes as well.
	d.add(t, 1, 1, after+5*time.Minute)
	if again := batchOf10(t, table); again.Rows != 1 {
		t.Errorf("batch after the last = %+v", again)
	}
	d.check(t)
}

func span(first, last int) (ids []int) {
	for i := first; i <= last; i++ {
		ids = append(ids, i)
	}
	return ids
}

func goesOn(t *testing.T, d Database) {
	d.add(t, 1, 40, 2*after)
	for left := 30; left >= 0; left -= 10 {
		batchOf10(t, d.Tables(Rule())[0])
		d.check(t, span(41-left, 40)...)
	}
}

func severalAtOnce(t *testing.T, d Database) {
	d.add(t, 1, 100, 2*after)
	var (
		mu  sync.Mutex
		all int64
		wg  sync.WaitGroup
	)
	for range 4 {
		wg.Go(func() {
			rows, err := All(t.Context(), d.Tables(Rule())...)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			all += rows
		})
	}
	wg.Wait()
	if all != 100 {
		t.Errorf("%d rows went, want 100", all)
	}
	d.check(t)
}

// A clock that jumps between two batches changes nothing.
func callersTime(t *testing.T, d Database) {
	d.add(t, 1, 10, 2*after)
	table := d.Tables(Rule())[0]
	now, err := table.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		now  time.Time
		want int64
	}{{now.Add(-after - time.Minute), 0}, {now.Add(-after + time.Minute), 10}} {
		if b, err := table.Delete(t.Context(), tt.now, 100); b.Rows != tt.want || err != nil {
			t.Errorf("%d rows went, %v, want %d", b.Rows, err, tt.want)
		}
	}
}
