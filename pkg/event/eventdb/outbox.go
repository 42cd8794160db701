package eventdb

import (
	"context"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event"
)

// Outbox implements [event.Outbox]. On PostgreSQL any number of processes may relay
// from it at once: the rows that one has locked are skipped by the others. On SQLite it
// is for one relay: nothing locks the rows while they are published, because a
// transaction that waits for NATS would stop every other writer.
type Outbox struct{ db *database.DB }

// NewOutbox returns the outbox in db, which has the migrations of pkg/event.
func NewOutbox(db *database.DB) *Outbox { return &Outbox{db: db} }

// Relay implements [event.Outbox]. The rows come back when the process ends before
// publish returns.
func (o *Outbox) Relay(ctx context.Context, limit int, publish func(context.Context, []event.Record) error) (n int, err error) {
	relay := func(c database.Conn) (err error) {
		n, err = relay(ctx, c, limit, publish)
		return err
	}
	if o.db.IsSQLite() {
		err = relay(o.db)
	} else {
		err = o.db.InTx(ctx, func(tx *database.Tx) error { return relay(tx) })
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

func relay(ctx context.Context, c database.Conn, limit int, publish func(context.Context, []event.Record) error) (int, error) {
	records, err := database.Collect(ctx, c, func(row database.Row) (r event.Record, err error) {
		err = row.Scan(&r.ID, &r.EventTime, &r.Type, &r.Message, &r.TraceParent)
		return r, err
	}, `
		SELECT id, event_time, type, event, traceparent
		  FROM event.outbox
		 ORDER BY id
		 LIMIT $1
		   FOR UPDATE SKIP LOCKED`, limit)
	if err != nil {
		return 0, fmt.Errorf("select unpublished events: %w", err)
	}
	if len(records) == 0 {
		return 0, nil
	}
	if err := publish(ctx, records); err != nil {
		return 0, err
	}
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID.String()
	}
	if _, err := c.Exec(ctx, c.Either(
		`DELETE FROM event.outbox WHERE id = ANY ($1::uuid[])`,
		`DELETE FROM event.outbox WHERE id = ANY ($1)`), ids); err != nil {
		return 0, fmt.Errorf("delete published events: %w", err)
	}
	return len(records), nil
}

// Lag implements [event.Outbox].
func (o *Outbox) Lag(ctx context.Context) (pending int64, oldest time.Duration, err error) {
	err = o.db.QueryRow(ctx, `SELECT count(*), statement_timestamp() - min(event_time) FROM event.outbox`).
		Scan(&pending, database.Null(&oldest))
	if err != nil {
		return 0, 0, fmt.Errorf("count unpublished events: %w", err)
	}
	return pending, max(0, oldest), nil
}
