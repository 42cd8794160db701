package database

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sqlite"
)

// ErrNoRows is returned by [Row.Scan] where there is no row.
var ErrNoRows = sql.ErrNoRows

// Conn runs statements: a [DB] each by itself, a [Tx] together.
type Conn interface {
	// Exec returns how many rows a statement has changed.
	Exec(ctx context.Context, text string, args ...any) (rows int64, err error)
	// QueryRow returns the first row. Its error comes from Scan.
	QueryRow(ctx context.Context, text string, args ...any) Row
	// Each calls f with each row. The row is good until f returns, and f must not
	// use the Conn. Ends with the first error of f.
	Each(ctx context.Context, f func(Row) error, text string, args ...any) error
	// IsSQLite says which database this is.
	IsSQLite() bool
	// Either returns the text for the database of this Conn.
	Either(postgres, sqlite string) string
}

// Row is one row of an answer.
type Row interface {
	// Scan reads the columns into pointers. Fails with ErrNoRows.
	Scan(into ...any) error
}

// DB is a database. It is safe for concurrent use.
type DB struct {
	Conn

	pool *pgxpool.Pool
	file *sqlite.DB
}

// Postgres returns the database behind pool, which [pg.Open] has opened.
func Postgres(pool *pgxpool.Pool) *DB { return &DB{Conn: postgres{pool}, pool: pool} }

// SQLite returns the database in file.
func SQLite(file *sqlite.DB) *DB { return &DB{Conn: lite{file.Read(), file.Write()}, file: file} }

// Unwrap returns what the database stands on; one of the two is nil.
func (db *DB) Unwrap() (pool *pgxpool.Pool, file *sqlite.DB) { return db.pool, db.file }

// InTx runs f in a transaction and commits it when f returns nil. On PostgreSQL f may
// run again (see [pg.InTx]), so that f must set anew each time what it leaves behind.
func (db *DB) InTx(ctx context.Context, f func(tx *Tx) error) error {
	if db.IsSQLite() {
		return db.file.InTx(ctx, func(tx *sql.Tx) error { return f(&Tx{Conn: lite{tx, tx}}) })
	}
	return pg.InTx(ctx, db.pool, func(tx pgx.Tx) error { return f(&Tx{Conn: postgres{tx}, postgres: tx}) })
}

// InStatement runs f, which executes one statement: a transaction of its own, in fewer
// round trips than [DB.InTx]. See [pg.InStatement].
func (db *DB) InStatement(ctx context.Context, f func(c Conn) error) error {
	if db.IsSQLite() {
		return f(lite{db.file.Write(), db.file.Write()})
	}
	return pg.InStatement(ctx, db.pool, func(conn *pgx.Conn) error { return f(postgres{conn}) })
}

// Tx is a transaction. It is for one goroutine, until the function returns that
// [DB.InTx] has called with it.
type Tx struct {
	Conn

	postgres pgx.Tx // nil on SQLite
}

// Lock has transactions that lock the same name follow one another. The next
// statement of one sees what the one before has committed. On SQLite write transactions
// do so anyway.
func (tx *Tx) Lock(ctx context.Context, name string) error {
	if tx.IsSQLite() {
		return nil
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, name); err != nil {
		return fmt.Errorf("lock %s: %w", name, err)
	}
	return nil
}

// Confirm has the commit wait for a standby where one is required, though nothing
// has changed: what an earlier transaction wrote may have come to an unknown outcome
// there, and only the commit of a write waits.
func (tx *Tx) Confirm(ctx context.Context) error {
	if tx.IsSQLite() {
		return nil
	}
	if _, err := tx.Exec(ctx, `SELECT pg_logical_emit_message(true, 'chancery', '')`); err != nil {
		return fmt.Errorf("confirm that nothing changes: %w", err)
	}
	return nil
}

// WakeAfterCommit is [pg.WakeAfterCommit]. Readers of SQLite look for themselves.
func (tx *Tx) WakeAfterCommit() {
	if !tx.IsSQLite() {
		pg.WakeAfterCommit(tx.postgres.Conn())
	}
}

// Batch is statements that go to the database together, and whose rows do not
// matter. The zero value is empty.
type Batch struct{ queued []statement }

type statement struct {
	text string
	args []any
	each bool
}

// Queue adds a statement.
func (b *Batch) Queue(text string, args ...any) {
	b.queued = append(b.queued, statement{text: text, args: args})
}

// QueueEach adds a statement that inserts a row for each element of some lists of the
// same length. It has the form
//
//	INSERT INTO t (a, b, c) SELECT $1, * FROM unnest($2::uuid[], $3::text[])
//
// and its lists are the only arguments that are slices, but for []byte.
func (b *Batch) QueueEach(text string, args ...any) {
	b.queued = append(b.queued, statement{text: text, args: args, each: true})
}

// Send executes a batch in its order, on PostgreSQL in one round trip. Ends with the
// first error.
func (tx *Tx) Send(ctx context.Context, b Batch) error {
	if tx.IsSQLite() || len(b.queued) <= 1 {
		for _, s := range b.queued {
			if err := tx.execute(ctx, s); err != nil {
				return err
			}
		}
		return nil
	}
	var batch pgx.Batch
	for _, s := range b.queued {
		batch.Queue(s.text, pgxArgs(s.args)...)
	}
	return tx.postgres.SendBatch(ctx, &batch).Close()
}

func (tx *Tx) execute(ctx context.Context, s statement) error {
	if !s.each || !tx.IsSQLite() {
		_, err := tx.Exec(ctx, s.text, s.args...)
		return err
	}
	row := valuesOf(s.text)
	for i := range lengthOf(s.args) {
		if _, err := tx.Exec(ctx, row, elements(s.args, i)...); err != nil {
			return err
		}
	}
	return nil
}

// InsertEach is a batch with [Batch.QueueEach] alone.
func (tx *Tx) InsertEach(ctx context.Context, text string, args ...any) error {
	var b Batch
	b.QueueEach(text, args...)
	return tx.Send(ctx, b)
}

// Collect returns what scan makes of each row.
func Collect[T any](ctx context.Context, c Conn, scan func(Row) (T, error), text string, args ...any) ([]T, error) {
	var all []T
	err := c.Each(ctx, func(row Row) error {
		one, err := scan(row)
		all = append(all, one)
		return err
	}, text, args...)
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Scan returns the one column of a row.
func Scan[T any](row Row) (value T, err error) {
	err = row.Scan(&value)
	return value, err
}

// Unique reports whether err is the violation of a unique constraint or index:
// constraint is its name in PostgreSQL, and columns are what SQLite says of it (see
// [sqlite.Unique]).
func Unique(err error, constraint, columns string) bool {
	return pg.Unique(err, constraint) || sqlite.Unique(err, columns)
}

// Key returns text as a key to look up. PostgreSQL has no text with NUL, and would
// refuse it as an error: it becomes the empty key, which no row must have.
func Key(text string) string {
	if strings.ContainsRune(text, 0) {
		return ""
	}
	return text
}
