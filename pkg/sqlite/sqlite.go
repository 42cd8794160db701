// Package sqlite opens the one SQLite file of the embedded mode: one writer
// connection, a few readers, durable commits. It is for one process; several
// processes on one file wait for each other, and then fail as busy.
//
// Instants are INTEGER microseconds of the Unix epoch, written by [Time] and
// read by [FromTime]; the database's own clock in SQL is [NowMicros].
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// NowMicros is the SQL expression for the database clock, in the unit of
// [Time]. Its resolution is a millisecond.
const NowMicros = `CAST(unixepoch('subsec')*1000000 AS INTEGER)`

const (
	driver     = "sqlite"
	maxReaders = 4
	ownerOnly  = 0o600
)

// DB is a SQLite database. It is safe for concurrent use.
type DB struct {
	writer *sql.DB
	reader *sql.DB
}

// Open opens the file at path, and creates it when it is missing. Nobody but its
// owner may read or write it, or the files that SQLite keeps beside it, whatever
// the folder lets others do. The caller closes the DB.
func Open(ctx context.Context, path string) (*DB, error) {
	if err := restrict(path); err != nil {
		return nil, err
	}
	// The writer comes first: a reader can neither create the file nor switch
	// it to WAL.
	writer, err := openPool(ctx, path, 1, url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "wal_autocheckpoint(4000)"},
		"_txlock": {"immediate"},
	})
	if err != nil {
		return nil, err
	}
	reader, err := openPool(ctx, path, maxReaders, url.Values{
		"_pragma": {"busy_timeout(5000)", "query_only(1)"},
		"mode":    {"ro"},
	})
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	return &DB{writer: writer, reader: reader}, nil
}

// restrict takes the database from everybody but its owner. What SQLite creates
// beside a file has the mode of that file.
func restrict(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, ownerOnly)
	if err != nil {
		return fmt.Errorf("open sqlite: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("open sqlite: %w", err)
	}
	for _, each := range []string{path, path + "-wal", path + "-shm", path + "-journal"} {
		if err := os.Chmod(each, ownerOnly); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("make %s readable for its owner alone: %w", each, err)
		}
	}
	return nil
}

func openPool(ctx context.Context, path string, size int, settings url.Values) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: settings.Encode()}
	db, err := sql.Open(driver, dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open sqlite %s: %w", path, err), db.Close())
	}
	return db, nil
}

// Read returns the read-only pool. Each statement sees every transaction that
// was committed before it began.
func (d *DB) Read() *sql.DB { return d.reader }

// Write returns the writer, a pool of one connection. It is for single
// statements and migrations; a statement outside a transaction that another
// goroutine's [DB.InTx] holds waits for that transaction to end.
func (d *DB) Write() *sql.DB { return d.writer }

// InTx runs f in a write transaction and commits it when f returns nil. Write
// transactions run one after another, and f runs once. Using d itself inside f
// for writing would wait for ever: f has tx. Fails with the error of ctx when that
// has ended before the commit, and with the error of f.
func (d *DB) InTx(ctx context.Context, f func(tx *sql.Tx) error) error {
	err := d.inTx(ctx, f)
	// The end of ctx rolls the transaction back, in a goroutine of its own.
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

func (d *DB) inTx(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	// After a commit it says ErrTxDone; otherwise the connection is discarded.
	defer func() { _ = tx.Rollback() }()
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

// Close closes both pools.
func (d *DB) Close() error {
	return errors.Join(d.reader.Close(), d.writer.Close())
}

// Time converts an instant for a column: microseconds since the Unix epoch.
func Time(t time.Time) int64 { return t.UnixMicro() }

// FromTime is the inverse of [Time], in UTC.
func FromTime(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// Unique says whether err is the violation of a unique constraint or primary
// key over columns, written as SQLite does: "table.a, table.b". Empty stands
// for any.
func Unique(err error, columns string) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	if e.Code() != sqlite3.SQLITE_CONSTRAINT_UNIQUE && e.Code() != sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY {
		return false
	}
	return columns == "" || strings.Contains(e.Error(), "failed: "+columns+" (")
}

// Unavailable reports whether err says that the database cannot do it now: it is
// locked, full, or its file cannot be read or written. The same request may
// succeed later.
func Unavailable(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff { // the primary code: the rest says more exactly what
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN:
		return true
	default:
		return false
	}
}
