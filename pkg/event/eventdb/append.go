// Package eventdb keeps the audit log and the outbox of events. What wakes other
// processes when something was committed is in eventpg, and PostgreSQL's alone.
package eventdb

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
)

// Append writes events to the audit log and to the outbox, in the transaction
// that makes the change and on PostgreSQL in one round trip, however many there are.
// When it fails the change must fail as well.
func Append(ctx context.Context, tx *database.Tx, events ...event.Event) error {
	if len(events) == 0 {
		return nil
	}
	records, err := event.Records(ctx, events...)
	if err != nil {
		return err
	}
	write := appendPostgres
	if tx.IsSQLite() {
		write = appendSQLite
	}
	if err := write(ctx, tx, records); err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	tx.WakeAfterCommit()
	return nil
}

// Those who write the audit log on PostgreSQL have no right to read it.
func appendPostgres(ctx context.Context, tx *database.Tx, records []event.Record) error {
	var (
		ids      = make([]uuid.UUID, len(records))
		types    = make([]string, len(records))
		clients  = make([]string, len(records))
		subs     = make([]string, len(records))
		messages = make([][]byte, len(records))
	)
	for i, r := range records {
		ids[i], types[i], clients[i], subs[i], messages[i] = r.ID, string(r.Type), r.ClientID, r.Sub, r.Message
	}
	_, err := tx.Exec(ctx, `
		WITH e AS (
			SELECT id, statement_timestamp() AS event_time, type, client_id, sub, event
			  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[]) AS e (id, type, client_id, sub, event)
		), audited AS (
			INSERT INTO event.audit_log (id, event_time, type, client_id, sub, event)
			SELECT id, event_time, type, client_id, sub, event FROM e
		)
		INSERT INTO event.outbox (id, event_time, type, event, traceparent)
		SELECT id, event_time, type, event, $6 FROM e`,
		ids, types, clients, subs, messages, records[0].TraceParent)
	return err
}

// An id is text in SQLite.
func appendSQLite(ctx context.Context, tx *database.Tx, records []event.Record) error {
	for _, r := range records {
		id := r.ID.String()
		_, err := tx.Exec(ctx, `
			INSERT INTO event.audit_log (id, event_time, type, client_id, sub, event)
			VALUES ($1, statement_timestamp(), $2, $3, $4, $5)`, id, string(r.Type), r.ClientID, r.Sub, r.Message)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO event.outbox (id, event_time, type, event, traceparent)
			SELECT id, event_time, type, event, $1 FROM event.audit_log WHERE id = $2`, r.TraceParent, id)
		if err != nil {
			return err
		}
	}
	return nil
}
