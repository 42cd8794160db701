package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// MaxClockDifference is how far the clocks of the database and of the process may
// be apart while rows are deleted.
const MaxClockDifference = 5 * time.Minute

// ErrClock is returned where the clocks are further apart than
// [MaxClockDifference].
var ErrClock = errors.New("the clocks of the database and of this process disagree")

// Rule says when a row of a table goes. Its texts are names, in the statements of
// both databases.
type Rule struct {
	// Table is schema.table. In SQLite it is schema_table.
	Table string
	// Key is the primary key, with a comma between columns.
	Key string
	// Due is a column with a time, which has an index unless the table is small. The
	// row goes once After has passed since then. NULL: it stays.
	Due   string
	After time.Duration
	// Children are tables whose rows go with the row that their column Parent names.
	Children []string
	Parent   string
}

// Table is a table, or a part of it, with rows that become due.
type Table struct {
	// Name is schema.table, the value of a metric's label.
	Name string
	// Now reads the database's clock.
	Now func(ctx context.Context) (time.Time, error)
	// Delete deletes about limit rows that were due at now, in one short transaction
	// or in several. It is not called by several goroutines at once.
	Delete func(ctx context.Context, now time.Time, limit int) (Batch, error)
}

// Batch is what one call of Delete has done.
type Batch struct {
	Rows int64
	// More says that rows may be left which were due.
	More bool
	// DueTime is when the last of the rows was due; zero where that is not known.
	DueTime time.Time
}

// now reads the database's clock. Fails with ErrClock.
func (t *Table) now(ctx context.Context, own func() time.Time) (time.Time, error) {
	theirs, err := t.Now(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("read database time: %w", err)
	}
	if difference := theirs.Sub(own()); difference.Abs() > MaxClockDifference {
		return time.Time{}, fmt.Errorf("%w by %s", ErrClock, difference.Abs().Round(time.Second))
	}
	return theirs, nil
}

// All deletes everything that is due, however long it takes, and returns how many
// rows went. now is the clock of the process. After a table that fails it goes on
// with the next. Fails with ErrClock.
func All(ctx context.Context, now func() time.Time, tables ...Table) (rows int64, err error) {
	for i := range tables {
		n, failed := tables[i].all(ctx, now)
		rows += n
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("sweep %s: %w", tables[i].Name, failed))
		}
	}
	return rows, err
}

func (t *Table) all(ctx context.Context, own func() time.Time) (rows int64, err error) {
	now, err := t.now(ctx, own)
	for more := true; more && err == nil; {
		var b Batch
		b, err = t.Delete(ctx, now, firstLimit)
		rows, more = rows+b.Rows, b.More
	}
	return rows, err
}
