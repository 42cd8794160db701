package database

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/chancery-auth/chancery/pkg/sqlite"
)

// lite runs statements on SQLite. Outside of a transaction those that begin with
// SELECT have a pool of their own.
type lite struct{ read, write sqlConn }

// sqlConn is a pool or a transaction.
type sqlConn interface {
	ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row
}

func (l lite) on(text string) sqlConn {
	if strings.HasPrefix(strings.TrimSpace(text), "SELECT") {
		return l.read
	}
	return l.write
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
	return liteRow{l.on(text).QueryRowContext(ctx, translated(text), values...)}
}

func (l lite) Each(ctx context.Context, f func(Row) error, text string, args ...any) (err error) {
	values, err := liteArgs(args)
	if err != nil {
		return err
	}
	rows, err := l.on(text).QueryContext(ctx, translated(text), values...)
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
	{regexp.MustCompile(`= ANY \(([$@]\w+)(?:::text\[\])?(?:::uuid\[\])?\)`), `IN (SELECT value FROM json_each($1))`},
	{regexp.MustCompile(`::\w+(?:\[\])?`), ``},
	{regexp.MustCompile(`\$(\d+)`), `?$1`},
	{regexp.MustCompile(`\b(FROM|JOIN|INTO|UPDATE)(\s+)([a-z_]+)\.([a-z_]+)`), `$1$2${3}_$4`},
	{regexp.MustCompile(`\bFOR (?:NO KEY UPDATE|KEY SHARE|UPDATE|SHARE)(?: OF \w+)?(?: SKIP LOCKED| NOWAIT)?`), ``},
}

var words = strings.NewReplacer(
	"statement_timestamp()", sqlite.NowMicros,
	"least(", "min(", "greatest(", "max(",
)

var unnested = regexp.MustCompile(`SELECT ((?:\$\d+, )*)\* FROM unnest\(([^)]*)\)`)

// valuesOf returns the statement of [Batch.QueueEach] for one row.
func valuesOf(text string) string { return unnested.ReplaceAllString(text, "VALUES ($1$2)") }

// lengthOf returns how long the lists among args are.
func lengthOf(args []any) int {
	for _, arg := range args {
		if isList(arg) {
			return reflect.ValueOf(arg).Len()
		}
	}
	return 0
}

func isList(arg any) bool {
	_, bytes := arg.([]byte)
	return !bytes && reflect.ValueOf(arg).Kind() == reflect.Slice
}

// elements returns args with the i-th element in place of each list.
func elements(args []any, i int) []any {
	row := slices.Clone(args)
	for n, arg := range args {
		if isList(arg) {
			row[n] = reflect.ValueOf(arg).Index(i).Interface()
		}
	}
	return row
}

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
