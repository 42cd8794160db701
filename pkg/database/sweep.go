package database

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Sweeps returns the tables of the rules in db. A batch is one transaction.
func Sweeps(db *DB, rules ...sweep.Rule) []sweep.Table {
	tables := make([]sweep.Table, len(rules))
	for i, r := range rules {
		tables[i] = Sweep(db, r.Table, r.After, db.Either(postgresDue(r), liteDue(r)), liteChildren(r)...)
	}
	return tables
}

// Sweep returns a table of db whose rows a statement deletes: those that became due
// from $1 to $2, the first of them first, $3 at most. The statement returns how many
// went, and when the last of them was due, or NULL; on SQLite it returns when each of
// them was due. Rows go once after has passed since they were due. On SQLite the
// statements before it delete what goes with them.
func Sweep(db *DB, name string, after time.Duration, text string, before ...string) sweep.Table {
	s := &sweeper{db: db, after: after, text: text}
	if db.IsSQLite() {
		s.before = before
	}
	return sweep.Table{Name: name, Now: db.Now, Delete: s.batch}
}

// Now returns what the clock of the database says.
func (db *DB) Now(ctx context.Context) (now time.Time, err error) {
	err = db.QueryRow(ctx, `SELECT statement_timestamp()`).Scan(&now)
	return now, err
}

// On PostgreSQL the rows are found and locked first, and deleted by their place: that
// plan is the same whatever the planner believes about the table. A row that changes
// meanwhile has another place, and stays.
const (
	deleteDue = `
	WITH gone AS (
		DELETE FROM {table}
		 WHERE ctid = ANY (ARRAY (
		       SELECT ctid
		         FROM {table}
		        WHERE {due} BETWEEN $1 AND $2
		        ORDER BY {due}
		        LIMIT $3
		          FOR UPDATE SKIP LOCKED))
		   AND {due} <= $2
		RETURNING {due} AS due_time{returned}
	){children}
	SELECT count(*), max(due_time) FROM gone`
	deleteChild = `, {child} AS (DELETE FROM {schema}.{child} WHERE {parent} IN (SELECT {key} FROM gone))`
)

func postgresDue(r sweep.Rule) string {
	schema, _, _ := strings.Cut(r.Table, ".")
	var children strings.Builder
	returned := ""
	for _, child := range r.Children {
		returned = ", " + r.Key
		_, name, _ := strings.Cut(child, ".")
		children.WriteString(strings.NewReplacer("{child}", name, "{schema}", schema, "{parent}", r.Parent, "{key}", r.Key).Replace(deleteChild))
	}
	return strings.NewReplacer("{table}", r.Table, "{key}", r.Key, "{due}", r.Due, "{returned}", returned, "{children}", children.String()).Replace(deleteDue)
}

const (
	liteDueRows = `
	SELECT {key}
	  FROM {table}
	 WHERE {due} BETWEEN $1 AND $2
	 ORDER BY {due}
	 LIMIT $3`
	liteDeleteDue = `
	DELETE FROM {table}
	 WHERE ({key}) IN (` + liteDueRows + `)
	RETURNING {due}`
	liteDeleteChildren = `
	DELETE FROM {child}
	 WHERE {parent} IN (` + liteDueRows + `)`
)

func liteDue(r sweep.Rule) string { return liteNamed(r, "", liteDeleteDue) }

func liteChildren(r sweep.Rule) []string {
	texts := make([]string, len(r.Children))
	for i, child := range r.Children {
		texts[i] = liteNamed(r, child, liteDeleteChildren)
	}
	return texts
}

func liteNamed(r sweep.Rule, child, text string) string {
	return strings.NewReplacer("{table}", r.Table, "{key}", r.Key, "{due}", r.Due, "{child}", child, "{parent}", r.Parent).Replace(text)
}

// sweeper deletes the due rows of one table.
type sweeper struct {
	db     *DB
	after  time.Duration
	text   string
	before []string
	// from is what a batch begins with: the entries of an index for rows that are gone
	// stay until a vacuum, and to read millions of them takes too long. Zero: all.
	from time.Time
	// all is when from was zero the last time.
	all time.Time
}

const (
	// lateness is how much later than others a row may be found that became due with
	// them: a request had locked it. allPeriod is the time between two looks at all.
	lateness  = 10 * time.Minute
	allPeriod = time.Hour
)

// batch is sweep.Table.Delete.
func (s *sweeper) batch(ctx context.Context, now time.Time, limit int) (b sweep.Batch, err error) {
	if s.from.IsZero() {
		s.all = now
	}
	due := now.Add(-s.after)
	var last time.Time
	err = s.db.InBatch(ctx, func(tx *Tx) error {
		for _, text := range s.before {
			if _, err := tx.Exec(ctx, text, s.from, due, limit); err != nil {
				return fmt.Errorf("delete what goes with due rows: %w", err)
			}
		}
		b.Rows, last, err = s.delete(ctx, tx, due, limit)
		return err
	})
	if err != nil {
		return sweep.Batch{}, fmt.Errorf("delete due rows: %w", err)
	}
	switch b.More = b.Rows == int64(limit); {
	case b.More:
		s.from = last
		b.DueTime = last.Add(s.after)
	case now.Sub(s.all) < allPeriod:
		s.from = due.Add(-lateness)
	default:
		s.from = time.Time{}
	}
	return b, nil
}

func (s *sweeper) delete(ctx context.Context, tx *Tx, due time.Time, limit int) (rows int64, last time.Time, err error) {
	if !tx.IsSQLite() {
		err = tx.QueryRow(ctx, s.text, s.from, due, limit).Scan(&rows, Null(&last))
		return rows, last, err
	}
	err = tx.Each(ctx, func(row Row) error {
		at, err := Scan[time.Time](row)
		if rows++; at.After(last) {
			last = at
		}
		return err
	}, s.text, s.from, due, limit)
	return rows, last, err
}

// InBatch runs f in a transaction that deletes what is due. On PostgreSQL none of its
// statements takes longer than a second, so that nobody waits long for its locks, and
// the next batch is smaller. Rows are read in the order of an index where there is
// one: with old statistics the planner would rather read and sort all that are due.
func (db *DB) InBatch(ctx context.Context, f func(tx *Tx) error) error {
	return db.InTx(ctx, func(tx *Tx) error {
		if !tx.IsSQLite() {
			_, err := tx.Exec(ctx, `
				SELECT set_config('statement_timeout', '1s', true), set_config('enable_sort', 'off', true),
				       set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true)`)
			if err != nil {
				return fmt.Errorf("set up batch: %w", err)
			}
		}
		return f(tx)
	})
}
