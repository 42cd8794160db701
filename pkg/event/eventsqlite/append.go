// Package eventsqlite keeps the audit log and the outbox of events in SQLite.
package eventsqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/sqlite"
)

const (
	insertRecord = `
	INSERT INTO event_audit_log (id, event_time, type, client_id, sub, event)
	VALUES (?, ` + sqlite.NowMicros + `, ?, ?, ?, ?)`
	insertOutbox = `
	INSERT INTO event_outbox (id, event_time, type, event, traceparent)
	SELECT id, event_time, type, event, ? FROM event_audit_log WHERE id = ?`
)

// Append writes events to the audit log and to the outbox, in the transaction
// that makes the change. When it fails the change must fail as well: the caller
// returns the error from [sqlite.DB.InTx].
func Append(ctx context.Context, tx *sql.Tx, events ...event.Event) error {
	records, err := event.Records(ctx, events...)
	if err != nil {
		return err
	}
	for _, r := range records {
		id := r.ID.String()
		if _, err := tx.ExecContext(ctx, insertRecord, id, string(r.Type), r.ClientID, r.Sub, r.Message); err != nil {
			return fmt.Errorf("append event: %w", err)
		}
		if _, err := tx.ExecContext(ctx, insertOutbox, r.TraceParent, id); err != nil {
			return fmt.Errorf("append event to outbox: %w", err)
		}
	}
	return nil
}
