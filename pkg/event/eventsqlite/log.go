package eventsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/page"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/pkg/sweep/sweepsqlite"
)

// Log reads the audit log. It implements [event.AuditLog], and is safe for
// concurrent use.
type Log struct{ db *sql.DB }

// NewLog returns the log in db, which has the migrations of pkg/event.
func NewLog(db *sqlite.DB) *Log { return &Log{db: db.Read()} }

// One list, with a condition more for each index that may serve it: a statement
// that leaves the choice to its parameters is planned for none.
const (
	listed = `
	SELECT id, event_time, type, client_id, sub, event
	  FROM event_audit_log
	 WHERE (event_time, id) < (?1, ?2)
	   AND event_time >= ?3
	   AND (?4 = '' OR type = ?4 OR type >= ?4 || '.' AND type < ?4 || '/')
	   AND (?5 = '' OR client_id = ?5)
	   AND (?6 = '' OR sub = ?6)`
	ordered = `
	 ORDER BY event_time DESC, id DESC
	 LIMIT ?7`

	listAll      = listed + ordered
	listByType   = listed + ` AND (type = ?4 OR type >= ?4 || '.' AND type < ?4 || '/')` + ordered
	listByClient = listed + ` AND client_id = ?5 AND client_id <> ''` + ordered
	listBySub    = listed + ` AND sub = ?6 AND sub <> ''` + ordered
)

func statement(f event.Filter) string {
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
func (l *Log) List(ctx context.Context, f event.Filter, after page.Cursor, limit int) (records []event.Record, err error) {
	before, id := int64(math.MaxInt64), ""
	if after != (page.Cursor{}) {
		before, id = sqlite.Time(after.CreateTime), after.ID
	}
	rows, err := l.db.QueryContext(ctx, statement(f), before, id, sqlite.Time(f.Since), f.Type, f.ClientID, f.Sub, limit)
	if err != nil {
		return nil, fmt.Errorf("select audit log: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var (
			r      event.Record
			id     string
			micros int64
		)
		if err := rows.Scan(&id, &micros, &r.Type, &r.ClientID, &r.Sub, &r.Message); err != nil {
			return nil, fmt.Errorf("scan audit record: %w", err)
		}
		if r.ID, err = uuid.Parse(id); err != nil {
			return nil, fmt.Errorf("scan audit record: %w", err)
		}
		r.EventTime = sqlite.FromTime(micros)
		records = append(records, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("select audit log: %w", err)
	}
	return records, nil
}

// Sweeps returns the records that are older than keep by the database's clock, for
// deletion. It is the only way in which a record goes.
func Sweeps(db *sqlite.DB, keep time.Duration) []sweep.Table {
	return []sweep.Table{{
		Name: "event.audit_log", Now: sweepsqlite.Now(db),
		Delete: func(ctx context.Context, now time.Time, limit int) (sweep.Batch, error) {
			return deleteBefore(ctx, db, now.Add(-keep), limit)
		},
	}}
}

func deleteBefore(ctx context.Context, db *sqlite.DB, before time.Time, limit int) (b sweep.Batch, err error) {
	err = db.InTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE event_audit_sweep SET before = ?`, sqlite.Time(before)); err != nil {
			return fmt.Errorf("announce sweep: %w", err)
		}
		result, err := tx.ExecContext(ctx, `
			DELETE FROM event_audit_log
			 WHERE id IN (SELECT id FROM event_audit_log WHERE event_time < ? ORDER BY event_time LIMIT ?)`, sqlite.Time(before), limit)
		if err != nil {
			return fmt.Errorf("delete old audit records: %w", err)
		}
		if b.Rows, err = result.RowsAffected(); err != nil {
			return fmt.Errorf("delete old audit records: %w", err)
		}
		b.More = b.Rows == int64(limit)
		if _, err := tx.ExecContext(ctx, `UPDATE event_audit_sweep SET before = 0`); err != nil {
			return fmt.Errorf("end sweep: %w", err)
		}
		return nil
	})
	return b, err
}
