package database

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"strings"
	"sync"

	"github.com/chancery-auth/chancery/pkg/sqlite"
)

// lite runs statements on SQLite. Outside of a transaction rows are read from a
// pool of their own.
type lite struct{ read, write sqlConn }

// sqlConn is a pool or a transaction.
type sqlConn interface {
	ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row
}

func (l lite) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	values, err := liteArgs(args)
	if err != nil {
		return 0, err
	}
	result, err := l.write.ExecContext(ctx, translated(text), values...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (l lite) QueryRow(ctx context.Context, text string, args ...any) Row {
	values, err := liteArgs(args)
	if err != nil {
		return failedRow{err}
	}
	return liteRow{l.read.QueryRowContext(ctx, translated(text), values...)}
}

func (l lite) Each(ctx context.Context, f func(Row) error, text string, args ...any) (err error) {
	values, err := liteArgs(args)
	if err != nil {
		return err
	}
	rows, err := l.read.QueryContext(ctx, translated(text), values...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := f(liteRow{rows}); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (lite) IsSQLite() bool { return true }

func (lite) Either(_, sqlite string) string { return sqlite }

type liteRow struct{ Row }

func (r liteRow) Scan(into ...any) error { return scan(r.Row, into, fromLite) }

// failedRow is of a query that did not begin.
type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }

// rules are those of the package comment that are patterns. The order matters.
var rules = []struct {
	pattern     *regexp.Regexp
	replacement string
}{
	{regexp.MustCompile(`\bunnest\(\$(\d+)::text\[\]\) AS (\w+) \(value\)`), `json_each(?$1) AS $2`},
	{regexp.MustCompile(`= ANY \(([$@]\w+)::(?:uuid|bytea)\[\]\)`), `IN (SELECT unhex(value) FROM json_each($1))`},
	{regexp.MustCompile(`= ANY \(([$@]\w+)(?:::text\[\])?\)`), `IN (SELECT value FROM json_each($1))`},
	{regexp.MustCompile(`::\w+(?:\[\])?`), ``},
	{regexp.MustCompile(`\$(\d+)`), `?$1`},
	{regexp.MustCompile(`\b(FROM|JOIN|INTO|UPDATE)(\s+)([a-z_]+)\.([a-z_]+)`), `$1$2${3}_$4`},
	{regexp.MustCompile(`\bFOR (?:NO KEY UPDATE|KEY SHARE|UPDATE|SHARE)(?: OF \w+)?(?: SKIP LOCKED| NOWAIT)?`), ``},
}

var words = strings.NewReplacer(
	"statement_timestamp()", sqlite.NowMicros,
	"least(", "min(", "greatest(", "max(",
)

// translations are the texts of this program, which are as many as there are
// statements in its source.
var translations sync.Map

// translated returns the text for SQLite.
func translated(text string) string {
	if known, ok := translations.Load(text); ok {
		return known.(string)
	}
	changed := text
	for _, r := range rules {
		changed = r.pattern.ReplaceAllString(changed, r.replacement)
	}
	changed = words.Replace(changed)
	translations.Store(text, changed)
	return changed
}
