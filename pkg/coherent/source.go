package coherent

import (
	"context"
	"time"
)

// Source reads the restriction log. Its methods are called by one goroutine.
// Whatever it returns without error it also vouches for: the batch is whole,
// and the database that answered was still the one that acknowledges.
// coherenttest.RunSource says what a source must do.
type Source interface {
	// Load returns every restriction there is.
	Load(ctx context.Context) (Batch, error)
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

// Batch is what one read of the log returns.
type Batch struct {
	Entries  []Entry
	Cursor   Cursor
	Identity Identity
	// RestoreEpoch is that of the installation (see [Restore]).
	RestoreEpoch int64
	// DatabaseTime is the database's clock when the log was read.
	DatabaseTime time.Time
}

// Entry is a row of the log.
type Entry struct {
	Restriction
	// KeepUntil is when, by the database's clock, the row has no token left to
	// restrict.
	KeepUntil time.Time
}
