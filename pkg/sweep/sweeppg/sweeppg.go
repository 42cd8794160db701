// Package sweeppg deletes due rows from Postgres.
package sweeppg

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// settings are those of a batch. A statement that runs longer ends, so that nobody
// waits for its locks, and the next batch is smaller. Rows are read in the order of an
// index where there is one: with old statistics the planner would rather read and sort
// all that are due.
const settings = `
	SELECT set_config('statement_timeout', '1s', true), set_config('enable_sort', 'off', true),
	       set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true)`

// The rows are found and locked first, and deleted by their place: that plan is
// the same whatever the planner believes about the table. A row that changes
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

// Tables returns the tables of the rules in db.
func Tables(db *pgxpool.Pool, rules ...sweep.Rule) []sweep.Table {
	tables := make([]sweep.Table, len(rules))
	for i, r := range rules {
		tables[i] = Table(db, r.Table, r.After, statement(r))
	}
	return tables
}

// Table returns a table of db whose rows a statement deletes: those that became due
// from $1 to $2, the first of them first, $3 at most. It returns how many went, and
// when the last of them was due, or NULL. Rows go once after has passed since they
// were due.
func Table(db *pgxpool.Pool, name string, after time.Duration, statement string) sweep.Table {
	s := &sweeper{db: db, after: after, statement: statement}
	return sweep.Table{Name: name, Now: Now(db), Delete: s.batch}
}

// Now returns what reads the clock of db.
func Now(db *pgxpool.Pool) func(context.Context) (time.Time, error) {
	return func(ctx context.Context) (now time.Time, err error) {
		err = db.QueryRow(ctx, `SELECT statement_timestamp()`).Scan(&now)
		return now, err
	}
}

func statement(r sweep.Rule) string {
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

// sweeper deletes the due rows of one table.
type sweeper struct {
	db        *pgxpool.Pool
	after     time.Duration
	statement string
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
	var last *time.Time
	err = InBatch(ctx, s.db, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, s.statement, s.from, due, limit).Scan(&b.Rows, &last); err != nil {
			return fmt.Errorf("delete due rows: %w", err)
		}
		return nil
	})
	if err != nil {
		return sweep.Batch{}, err
	}
	switch b.More = b.Rows == int64(limit); {
	case b.More:
		s.from = *last
		b.DueTime = last.Add(s.after)
	case now.Sub(s.all) < allPeriod:
		s.from = due.Add(-lateness)
	default:
		s.from = time.Time{}
	}
	return b, nil
}

// InBatch runs f in a transaction with the settings of a batch: none of its statements
// takes longer than a second.
func InBatch(ctx context.Context, db *pgxpool.Pool, f func(tx pgx.Tx) error) error {
	return pg.InTx(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, settings); err != nil {
			return fmt.Errorf("set up batch: %w", err)
		}
		return f(tx)
	})
}
