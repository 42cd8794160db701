// Package eventpg keeps the audit log and the outbox of events in PostgreSQL,
// and wakes other processes when something was committed.
package eventpg

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/pg"
)

// Append writes events to the audit log and to the outbox, in the transaction
// that makes the change and in one round trip, however many there are. When it
// fails the change must fail as well, as it does by itself: PostgreSQL commits
// nothing after an error.
func Append(ctx context.Context, tx pgx.Tx, events ...event.Event) error {
	if len(events) == 0 {
		return nil
	}
	records, err := event.Records(ctx, events...)
	if err != nil {
		return err
	}
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
	_, err = tx.Exec(ctx, `
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
	if err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	pg.WakeAfterCommit(tx.Conn())
	return nil
}
