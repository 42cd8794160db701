package telemetry

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/chancery-auth/chancery/pkg/sweep"
)

// PoolStats is what a pool of database connections says of itself.
type PoolStats struct {
	// Acquired, Idle and Constructing are connections now, Max how many there
	// may be.
	Acquired, Idle, Constructing, Max int64
	// AcquireWait is how long callers waited, all together, because no connection
	// was idle.
	AcquireWait time.Duration
}

// HintStats counts messages with restrictions on NATS.
type HintStats struct {
	Sent, Received int64
	// Refused counts what was received and is not authentic or not readable,
	// Dropped what this process could not send or not keep up with.
	Refused, Dropped int64
}

// ObservePool shows a pool in each scrape. Name is a fixed one.
func (t *Telemetry) ObservePool(name string, read func() PoolStats) {
	t.observed.pools.add(pool{name, read})
}

// ObserveHints shows what was sent and received in each scrape.
func (t *Telemetry) ObserveHints(read func() HintStats) { t.observed.hints.add(read) }

// ObserveKeys shows in each scrape how old the newest key of each purpose is.
// Purposes are fixed names.
func (t *Telemetry) ObserveKeys(ages func() map[string]time.Duration) { t.observed.keys.add(ages) }

// ObserveCertificate shows in each scrape how long the certificate of the
// process is good yet. A zero instant shows nothing.
func (t *Telemetry) ObserveCertificate(expireTime func() time.Time) {
	t.observed.certificates.add(func() (time.Duration, bool) {
		at := expireTime()
		return at.Sub(t.o.Now()), !at.IsZero()
	})
}

// ObserveReady shows in each scrape whether the process wants requests.
func (t *Telemetry) ObserveReady(ready func() bool) { t.observed.ready.add(ready) }

// observed is what a scrape asks.
type observed struct {
	pools        list[pool]
	hints        list[func() HintStats]
	keys         list[func() map[string]time.Duration]
	certificates list[func() (time.Duration, bool)]
	ready        list[func() bool]
	replicas     list[func() ReplicaStats]
	outboxes     list[*outbox]
	sweeps       list[func() sweep.Stats]

	mu        sync.Mutex
	goodPolls int64 // as shown last
}

type pool struct {
	name string
	read func() PoolStats
}

// observed makes the instruments that are read when somebody asks.
func (m *maker) observed() *observed {
	o := &observed{}
	m.watchPools(o)
	m.watchHints(o)
	m.watchKeys(o)
	m.watchProcess(o)
	m.watchReplicas(o)
	m.watchOutboxes(o)
	m.watchSweeps(o)
	return o
}

func (m *maker) watchPools(o *observed) {
	connections := m.gauge("chancery_db_connections", "Connections of a pool by state; max is how many there may be.")
	wait := m.sum("chancery_db_acquire_wait_seconds_total", "Time that callers waited because no connection was idle.")
	m.watch(func(_ context.Context, to metric.Observer) {
		for _, p := range o.pools.all() {
			stats := p.read()
			for state, n := range map[string]int64{
				"acquired": stats.Acquired, "idle": stats.Idle, "constructing": stats.Constructing, "max": stats.Max,
			} {
				to.ObserveFloat64(connections, float64(n), metric.WithAttributes(
					attribute.String("pool", p.name), attribute.String("state", state)))
			}
			to.ObserveFloat64(wait, stats.AcquireWait.Seconds(), labelled("pool", p.name))
		}
	}, connections, wait)
}

func (m *maker) watchHints(o *observed) {
	hints := m.sum("chancery_hints_total", "Messages with restrictions on NATS.")
	m.watch(func(_ context.Context, to metric.Observer) {
		for _, read := range o.hints.all() {
			stats := read()
			for _, c := range []struct {
				direction, outcome string
				n                  int64
			}{
				{"sent", outcomeOK, stats.Sent},
				{"received", outcomeOK, stats.Received},
				{"received", outcomeRefused, stats.Refused},
				{"any", outcomeDropped, stats.Dropped},
			} {
				to.ObserveFloat64(hints, float64(c.n), metric.WithAttributes(
					attribute.String("direction", c.direction), attribute.String("outcome", c.outcome)))
			}
		}
	}, hints)
}

func (m *maker) watchKeys(o *observed) {
	age := m.gauge("chancery_key_age_seconds", "Age of the newest key of a purpose.")
	m.watch(func(_ context.Context, to metric.Observer) {
		for _, ages := range o.keys.all() {
			for purpose, d := range ages() {
				to.ObserveFloat64(age, d.Seconds(), labelled("purpose", purpose))
			}
		}
	}, age)
}

func (m *maker) watchProcess(o *observed) {
	expire := m.gauge("chancery_certificate_expire_seconds", "Time until the certificate of the process expires.")
	ready := m.gauge("chancery_ready", "1 while the process wants requests, else 0.")
	m.watch(func(_ context.Context, to metric.Observer) {
		for _, left := range o.certificates.all() {
			if d, ok := left(); ok {
				to.ObserveFloat64(expire, d.Seconds())
			}
		}
		for _, wants := range o.ready.all() {
			value := 0.0
			if wants() {
				value = 1
			}
			to.ObserveFloat64(ready, value)
		}
	}, expire, ready)
}

func (m *maker) gauge(name, help string) metric.Float64ObservableGauge {
	g, err := m.meter.Float64ObservableGauge(name, metric.WithDescription(help))
	m.note(err)
	return g
}

// sum is a counter that something else counts.
func (m *maker) sum(name, help string) metric.Float64ObservableCounter {
	c, err := m.meter.Float64ObservableCounter(name, metric.WithDescription(help))
	m.note(err)
	return c
}

// watch has read called for each scrape.
func (m *maker) watch(read func(context.Context, metric.Observer), instruments ...metric.Observable) {
	_, err := m.meter.RegisterCallback(func(ctx context.Context, to metric.Observer) error {
		read(ctx, to)
		return nil
	}, instruments...)
	m.note(err)
}

// list grows while it is read.
type list[T any] struct {
	mu    sync.Mutex
	items []T
}

func (l *list[T]) add(item T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, item)
}

func (l *list[T]) all() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clip(l.items)
}
