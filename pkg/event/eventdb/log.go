package eventdb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/page"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Log reads the audit log. It implements [event.AuditLog], and is safe for
// concurrent use.
type Log struct{ db *database.DB }

// NewLog returns the log in db, which has the migrations of pkg/event.
func NewLog(db *database.DB) *Log { return &Log{db: db} }

// One list, with a condition more for each index that may serve it: a statement
// that leaves the choice to its parameters is planned for none.
const (
	listed = `
	SELECT id, event_time, type, client_id, sub, event
	  FROM event.audit_log
	 WHERE (event_time, id) < ($1, $2)
	   AND event_time >= $3
	   AND ($4 = '' OR type = $4 OR type >= $4 || '.' AND type < $4 || '/')
	   AND ($5 = '' OR client_id = $5)
	   AND ($6 = '' OR sub = $6)`
	ordered = `
	 ORDER BY event_time DESC, id DESC
	 LIMIT $7`

	listAll      = listed + ordered
	listByType   = listed + ` AND (type = $4 OR type >= $4 || '.' AND type < $4 || '/')` + ordered
	listByClient = listed + ` AND client_id = $5 AND client_id <> ''` + ordered
	listBySub    = listed + ` AND sub = $6 AND sub <> ''` + ordered
)

func text(f event.Filter) string {
	switch {
	case f.Sub != "":
		return listBySub
	case f.ClientID != "":
		return listByClient
	case f.Type != "":
		return listByType
	default:
		return listAll
	}
}

// List implements [event.AuditLog].
func (l *Log) List(ctx context.Context, f event.Filter, after page.Cursor, limit int) ([]event.Record, error) {
	if strings.Contains(f.Type+f.ClientID+f.Sub, "\x00") {
		return nil, nil // PostgreSQL has no such text
	}
	before, id, err := place(after)
	if err != nil {
		return nil, err
	}
	records, err := database.Collect(ctx, l.db, func(row database.Row) (r event.Record, err error) {
		err = row.Scan(&r.ID, &r.EventTime, &r.Type, &r.ClientID, &r.Sub, &r.Message)
		return r, err
	}, text(f), before, id, f.Since, f.Type, f.ClientID, f.Sub, limit)
	if err != nil {
		return nil, fmt.Errorf("select audit log: %w", err)
	}
	return records, nil
}

// place is what a list continues before. The zero cursor is before everything,
// and so after the newest.
func place(c page.Cursor) (time.Time, string, error) {
	if c == (page.Cursor{}) {
		return endOfTime(), uuid.Max.String(), nil
	}
	id, err := uuid.Parse(c.ID)
	return c.CreateTime, id.String(), err
}

// endOfTime is later than every event.
func endOfTime() time.Time { return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }

// Sweeps returns the records that are older than keep by the database's clock, for
// deletion. It is the only way in which a record goes.
func Sweeps(db *database.DB, keep time.Duration) []sweep.Table {
	return []sweep.Table{{
		Name: "event.audit_log", Now: db.Now,
		Delete: func(ctx context.Context, now time.Time, limit int) (sweep.Batch, error) {
			return deleteBefore(ctx, db, now.Add(-keep), limit)
		},
	}}
}

// Triggers hold that a record goes only after it was announced which ones are due.
const (
	announcePostgres = `SELECT set_config('chancery.audit_keep', (statement_timestamp() - $1)::text, true)`
	announceSQLite   = `UPDATE event.audit_sweep SET before = $1`

	deletePostgres = `
	DELETE FROM event.audit_log
	 WHERE ctid = ANY (ARRAY (
	       SELECT ctid
	         FROM event.audit_log
	        WHERE event_time < $1
	        ORDER BY event_time
	        LIMIT $2))`
	deleteSQLite = `
	DELETE FROM event.audit_log
	 WHERE id IN (SELECT id FROM event.audit_log WHERE event_time < $1 ORDER BY event_time LIMIT $2)`
)

func deleteBefore(ctx context.Context, db *database.DB, before time.Time, limit int) (b sweep.Batch, err error) {
	err = db.InTx(ctx, func(tx *database.Tx) error {
		if _, err := tx.Exec(ctx, tx.Either(announcePostgres, announceSQLite), before); err != nil {
			return fmt.Errorf("announce sweep: %w", err)
		}
		if b.Rows, err = tx.Exec(ctx, tx.Either(deletePostgres, deleteSQLite), before, limit); err != nil {
			return fmt.Errorf("delete old audit records: %w", err)
		}
		b.More = b.Rows == int64(limit)
		if !tx.IsSQLite() {
			return nil // the setting ends with the transaction
		}
		if _, err := tx.Exec(ctx, announceSQLite, time.UnixMicro(0)); err != nil {
			return fmt.Errorf("end sweep: %w", err)
		}
		return nil
	})
	return b, err
}
