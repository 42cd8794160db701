package coherent

import (
	"context"
	"time"
)

// Source reads the restriction log. Its methods are called by one goroutine.
// Whatever it returns without error it also vouches for: the batch is whole,
// and the database that answered was still the one that acknowledges; but for Page,
// which vouches for nothing. coherenttest.RunSource says what a source must do.
type Source interface {
	// Begin notes where the log stands. Whatever Poll returns after the cursor of the
	// batch, which has no entries, and all pages up to last are the whole log: rows are
	// only added, until they have run out.
	Begin(ctx context.Context) (b Batch, last int64, err error)
	// Page returns rows in the order of their ids: at most size of those after one id,
	// up to another.
	Page(ctx context.Context, after, last int64, size int) (Page, error)
	// Poll returns every restriction that became visible after the batch that
	// the cursor is from. It may repeat some.
	Poll(ctx context.Context, after Cursor) (Batch, error)
	// Reconcile writes those of the entries that the log does not have, marked
	// as written back, and returns how many that were. It may be repeated.
	Reconcile(ctx context.Context, entries []Entry) (written int, err error)
}

// Cursor is a position in the log, in the source's own form. It means nothing
// in a database of another identity.
type Cursor string

// Identity tells databases, and lives of one database, apart. It changes when
// a standby is promoted or a backup restored.
type Identity string

// Batch is what one poll of the log returns.
type Batch struct {
	Entries  []Entry
	Cursor   Cursor
	Identity Identity
	// RestoreEpoch is that of the installation (see [Restore]).
	RestoreEpoch int64
	// DatabaseTime is the database's clock when the log was read.
	DatabaseTime time.Time
}

// Page is a part of the log, in the order of ids.
type Page struct {
	Entries []Entry
	// Next is the id of the last entry; meaningless without one.
	Next     int64
	Identity Identity
}

// Entry is a row of the log.
type Entry struct {
	Restriction
	// KeepUntil is when, by the database's clock, the row has no token left to
	// restrict.
	KeepUntil time.Time
}
