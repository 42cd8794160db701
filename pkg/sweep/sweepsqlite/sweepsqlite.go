// Package sweepsqlite deletes due rows from SQLite.
package sweepsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

const (
	dueRows = `
	SELECT {key}
	  FROM {table}
	 WHERE {due} <= ?1
	 ORDER BY {due}
	 LIMIT ?2`
	deleteDue = `
	DELETE FROM {table}
	 WHERE ({key}) IN (` + dueRows + `)
	RETURNING {due}`
	deleteChildren = `
	DELETE FROM {child}
	 WHERE {parent} IN (` + dueRows + `)`
)

// Tables returns the tables of the rules in db.
func Tables(db *sqlite.DB, rules ...sweep.Rule) []sweep.Table {
	tables := make([]sweep.Table, len(rules))
	for i, r := range rules {
		s := &sweeper{db: db, after: r.After, rows: named(r, "", deleteDue)}
		for _, child := range r.Children {
			s.children = append(s.children, named(r, child, deleteChildren))
		}
		tables[i] = sweep.Table{Name: r.Table, Now: Now(db), Delete: s.batch}
	}
	return tables
}

// Now returns what reads the clock of db.
func Now(db *sqlite.DB) func(context.Context) (time.Time, error) {
	return func(ctx context.Context) (time.Time, error) {
		var micros int64
		err := db.Read().QueryRowContext(ctx, `SELECT `+sqlite.NowMicros).Scan(&micros)
		return sqlite.FromTime(micros), err
	}
}

// named puts the names of a rule into a statement.
func named(r sweep.Rule, child, statement string) string {
	prefixed := func(table string) string { return strings.Replace(table, ".", "_", 1) }
	return strings.NewReplacer("{table}", prefixed(r.Table), "{key}", r.Key, "{due}", r.Due,
		"{child}", prefixed(child), "{parent}", r.Parent).Replace(statement)
}

// sweeper deletes the due rows of one table.
type sweeper struct {
	db       *sqlite.DB
	after    time.Duration
	rows     string
	children []string
}

// batch is sweep.Table.Delete. Other writers wait for it, and come before the next.
func (s *sweeper) batch(ctx context.Context, now time.Time, limit int) (b sweep.Batch, err error) {
	due := sqlite.Time(now.Add(-s.after))
	err = s.db.InTx(ctx, func(tx *sql.Tx) error {
		for _, statement := range s.children {
			if _, err := tx.ExecContext(ctx, statement, due, limit); err != nil {
				return fmt.Errorf("delete what goes with due rows: %w", err)
			}
		}
		var last int64
		if b.Rows, last, err = deleteRows(ctx, tx, s.rows, due, limit); err != nil {
			return fmt.Errorf("delete due rows: %w", err)
		}
		if b.More = b.Rows == int64(limit); b.More {
			b.DueTime = sqlite.FromTime(last).Add(s.after)
		}
		return nil
	})
	if err != nil {
		return sweep.Batch{}, err
	}
	return b, nil
}

// deleteRows returns how many rows went, and when the last of them was due.
func deleteRows(ctx context.Context, tx *sql.Tx, statement string, due int64, limit int) (n, last int64, err error) {
	rows, err := tx.QueryContext(ctx, statement, due, limit)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var at int64
		if err := rows.Scan(&at); err != nil {
			return 0, 0, err
		}
		n, last = n+1, max(last, at)
	}
	return n, last, rows.Err()
}
