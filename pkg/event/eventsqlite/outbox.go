package eventsqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/sqlite"
)

// Outbox implements [event.Outbox]. It is for one relay: nothing locks the rows
// while they are published, because a transaction that waits for NATS would
// stop every other writer.
type Outbox struct{ db *sqlite.DB }

// NewOutbox returns the outbox in db, which has the migrations of pkg/event.
func NewOutbox(db *sqlite.DB) *Outbox { return &Outbox{db: db} }

// Relay implements [event.Outbox].
func (o *Outbox) Relay(ctx context.Context, limit int, publish func(context.Context, []event.Record) error) (int, error) {
	records, err := o.oldest(ctx, limit)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	if err := publish(ctx, records); err != nil {
		return 0, err
	}
	err = o.db.InTx(ctx, func(tx *sql.Tx) error {
		for _, r := range records {
			if _, err := tx.ExecContext(ctx, `DELETE FROM event_outbox WHERE id = ?`, r.ID.String()); err != nil {
				return fmt.Errorf("delete published event: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(records), nil
}

func (o *Outbox) oldest(ctx context.Context, limit int) (records []event.Record, err error) {
	rows, err := o.db.Read().QueryContext(ctx, `
		SELECT id, event_time, type, event, traceparent
		  FROM event_outbox
		 ORDER BY id
		 LIMIT ?`, limit)
	if err != nil {
		return nil, fmt.Errorf("select unpublished events: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var (
			r      event.Record
			id     string
			micros int64
		)
		if err := rows.Scan(&id, &micros, &r.Type, &r.Message, &r.TraceParent); err != nil {
			return nil, fmt.Errorf("scan unpublished event: %w", err)
		}
		if r.ID, err = uuid.Parse(id); err != nil {
			return nil, fmt.Errorf("scan unpublished event: %w", err)
		}
		r.EventTime = sqlite.FromTime(micros)
		records = append(records, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("select unpublished events: %w", err)
	}
	return records, nil
}

const countStatement = `
	SELECT count(*), coalesce(` + sqlite.NowMicros + ` - min(event_time), 0)
	  FROM event_outbox`

// Lag implements [event.Outbox].
func (o *Outbox) Lag(ctx context.Context) (pending int64, oldest time.Duration, err error) {
	var micros int64
	if err := o.db.Read().QueryRowContext(ctx, countStatement).Scan(&pending, &micros); err != nil {
		return 0, 0, fmt.Errorf("count unpublished events: %w", err)
	}
	return pending, max(0, time.Duration(micros)*time.Microsecond), nil
}
