package event

import (
	"context"
	"log/slog"
	"time"
)

const (
	// relayBatch is how many events are published together.
	relayBatch = 256
	// relayPeriod is how often the outbox is looked at when nothing wakes.
	relayPeriod = time.Second
	// The time between two attempts after a failure doubles from the one to the
	// other.
	minRelayBackoff = 250 * time.Millisecond
	maxRelayBackoff = 5 * time.Second
)

// Outcomes of publishing, for Relay.Observe.
const (
	// Published events have been acknowledged by the stream.
	Published = "published"
	// Failed events are still in the outbox.
	Failed = "failed"
)

// Relay publishes what is in an outbox: each event at least once, and each copy
// of it with the same id. Any number of relays may share an outbox in PostgreSQL.
type Relay struct {
	Outbox Outbox
	// Publisher is usually a *[Publisher].
	Publisher interface {
		Publish(ctx context.Context, records []Record) error
	}
	// Wake says that there may be something in the outbox. Nil leaves it to a look
	// each second.
	Wake <-chan struct{}
	Log  *slog.Logger
	// Observe is told of each batch: [Published] or [Failed], and how many events.
	// Nil tells nobody.
	Observe func(outcome string, events int)
}

// Run publishes until ctx ends; it then returns nil. While the database or NATS
// is away events stay in the outbox, and it tries again, ever less often.
func (r *Relay) Run(ctx context.Context) error {
	poll := time.NewTicker(relayPeriod)
	defer poll.Stop()
	for ctx.Err() == nil {
		if r.drain(ctx) != nil {
			r.recover(ctx)
			continue
		}
		select {
		case <-ctx.Done():
		case <-poll.C:
		case <-r.Wake:
		}
	}
	return nil
}

// drain publishes until the outbox is empty.
func (r *Relay) drain(ctx context.Context) error {
	for {
		n, err := r.Outbox.Relay(ctx, relayBatch, r.publish)
		if err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "events are not published and stay in the outbox", slog.Any("error", err))
		}
		if err != nil || n < relayBatch {
			return err
		}
	}
}

// recover tries until a batch gets through. It logs nothing but that, because the
// failure before is logged, and ignores who wakes.
func (r *Relay) recover(ctx context.Context) {
	for backoff := minRelayBackoff; ; backoff = min(2*backoff, maxRelayBackoff) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff):
		}
		if _, err := r.Outbox.Relay(ctx, relayBatch, r.publish); err == nil {
			r.Log.InfoContext(ctx, "events are published again")
			return
		}
	}
}

func (r *Relay) publish(ctx context.Context, records []Record) error {
	err := r.Publisher.Publish(ctx, records)
	if r.Observe == nil {
		return err
	}
	if err != nil {
		r.Observe(Failed, len(records))
	} else {
		r.Observe(Published, len(records))
	}
	return err
}
