package eventpg

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/pg"
)

// Outbox implements [event.Outbox]. Any number of processes may relay from it at
// once: the rows that one has locked are skipped by the others.
type Outbox struct{ db *pgxpool.Pool }

// NewOutbox returns the outbox in db, which has the migrations of pkg/event.
func NewOutbox(db *pgxpool.Pool) *Outbox { return &Outbox{db: db} }

// Relay implements [event.Outbox]. The rows stay locked until publish returns,
// and come back when the process ends before that.
func (o *Outbox) Relay(ctx context.Context, limit int, publish func(context.Context, []event.Record) error) (n int, err error) {
	err = pg.InTx(ctx, o.db, func(tx pgx.Tx) error {
		records, err := take(ctx, tx, limit)
		n = len(records)
		if err != nil || n == 0 {
			return err
		}
		if err := publish(ctx, records); err != nil {
			return err
		}
		ids := make([]uuid.UUID, n)
		for i, r := range records {
			ids[i] = r.ID
		}
		if _, err := tx.Exec(ctx, `DELETE FROM event.outbox WHERE id = ANY ($1::uuid[])`, ids); err != nil {
			return fmt.Errorf("delete published events: %w", err)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func take(ctx context.Context, tx pgx.Tx, limit int) ([]event.Record, error) {
	rows, err := tx.Query(ctx, `
		SELECT id, event_time, type, event, traceparent
		  FROM event.outbox
		 ORDER BY id
		 LIMIT $1
		   FOR UPDATE SKIP LOCKED`, limit)
	if err != nil {
		return nil, fmt.Errorf("select unpublished events: %w", err)
	}
	records, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r event.Record, err error) {
		err = row.Scan(&r.ID, &r.EventTime, &r.Type, &r.Message, &r.TraceParent)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("select unpublished events: %w", err)
	}
	return records, nil
}

// Lag implements [event.Outbox].
func (o *Outbox) Lag(ctx context.Context) (pending int64, oldest time.Duration, err error) {
	var micros int64
	err = o.db.QueryRow(ctx, `
		SELECT count(*),
		       coalesce(extract(epoch FROM statement_timestamp() - min(event_time)) * 1000000, 0)::bigint
		  FROM event.outbox`).Scan(&pending, &micros)
	if err != nil {
		return 0, 0, fmt.Errorf("count unpublished events: %w", err)
	}
	return pending, max(0, time.Duration(micros)*time.Microsecond), nil
}
