package telemetry

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
)

const (
	// outboxPeriod is the least time between two looks into an outbox, however
	// many scrape.
	outboxPeriod = 5 * time.Second
	// outboxTimeout bounds what a database that is slow costs a scrape.
	outboxTimeout = time.Second
)

// ObserveOutbox shows in a scrape how many events wait to be published, and for
// how long the oldest one has. The database is asked at most every 5 s, for at
// most 1 s; while it does not answer, nothing is shown.
func (t *Telemetry) ObserveOutbox(read func(ctx context.Context) (pending int64, oldest time.Duration, err error)) {
	t.observed.outboxes.add(&outbox{read: read, now: t.o.Now})
}

// outbox remembers the last look. It is safe for concurrent use.
type outbox struct {
	read func(context.Context) (int64, time.Duration, error)
	now  func() time.Time

	mu      sync.Mutex
	seen    time.Time
	pending int64
	oldest  time.Duration
	err     error
}

func (b *outbox) look(ctx context.Context) (pending int64, oldest time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.now(); b.seen.IsZero() || now.Sub(b.seen).Abs() >= outboxPeriod {
		ctx, cancel := context.WithTimeout(ctx, outboxTimeout)
		defer cancel()
		b.pending, b.oldest, b.err = b.read(ctx)
		b.seen = now
	}
	return b.pending, b.oldest, b.err
}

func (m *maker) watchOutboxes(o *observed) {
	pending := m.gauge("chancery_outbox_pending", "Events that wait to be published.")
	lag := m.gauge("chancery_outbox_lag_seconds", "Time that the oldest of them has waited.")
	m.watch(func(ctx context.Context, to metric.Observer) {
		for _, b := range o.outboxes.all() {
			if n, oldest, err := b.look(ctx); err == nil {
				to.ObserveFloat64(pending, float64(n))
				to.ObserveFloat64(lag, oldest.Seconds())
			}
		}
	}, pending, lag)
}
