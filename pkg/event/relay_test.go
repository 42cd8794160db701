package event_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/event/migrations"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// buffer is a log that can be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.b.String(), text)
}

// world is an outbox, and a server that its events go to.
type world struct {
	db     *database.DB
	server *eventtest.Server
	log    *buffer
}

func newWorld(t *testing.T) world {
	t.Helper()
	return world{databasetest.Postgres(t, migrations.Set()), eventtest.NewServer(t), &buffer{}}
}

func (w world) logger() *slog.Logger { return slog.New(slog.NewTextHandler(w.log, nil)) }

// write appends events in a transaction of their own.
func (w world) write(t *testing.T, events ...event.Event) {
	t.Helper()
	err := w.db.InTx(t.Context(), func(tx *database.Tx) error { return eventdb.Append(t.Context(), tx, events...) })
	if err != nil {
		t.Fatal(err)
	}
}

func (w world) publisher(t *testing.T) *event.Publisher {
	t.Helper()
	p, err := event.NewPublisher(w.server.Connect(t), event.StreamOptions{}, w.logger())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// relay runs a relay until the test ends.
func (w world) relay(t *testing.T, r event.Relay) {
	t.Helper()
	r.Outbox, r.Log = eventdb.NewOutbox(w.db), w.logger()
	if r.Publisher == nil {
		r.Publisher = w.publisher(t)
	}
	start(t, r.Run)
}

func start(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := run(ctx); err != nil {
			t.Errorf("Run() = %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}

func (w world) pending(t *testing.T) int64 {
	t.Helper()
	n, _, err := eventdb.NewOutbox(w.db).Lag(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// audited is the audit log by event id.
func (w world) audited(t *testing.T) map[string]*eventv1.Event {
	t.Helper()
	list, _, err := event.List(t.Context(), eventdb.NewLog(w.db), event.Filter{}, 10_000, "")
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]*eventv1.Event{}
	for _, e := range list {
		byID[e.GetId()] = e
	}
	return byID
}

// received collects what a tail hands out.
type received struct {
	mu     sync.Mutex
	events map[string]*eventv1.Event
	copies int
}

func (r *received) take(e *eventv1.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events == nil {
		r.events = map[string]*eventv1.Event{}
	}
	r.events[e.GetId()] = e
	r.copies++
	return nil
}

func (r *received) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.events)
}

// tail follows the stream until the test ends.
func (w world) tail(t *testing.T, o event.TailOptions) *received {
	t.Helper()
	var r received
	js := w.server.JetStream(t)
	start(t, func(ctx context.Context) error {
		if err := event.Tail(ctx, js, o, r.take); !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	})
	return &r
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func some(n int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		events[i] = eventtest.Whole()
	}
	return events
}

func (w world) same(t *testing.T, r *received) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if diff := cmp.Diff(w.audited(t), r.events, protocmp.Transform()); diff != "" {
		t.Errorf("stream differs from the audit log (-audit +stream):\n%s", diff)
	}
}

func TestRelayPublishesWhatIsRecorded(t *testing.T) {
	w := newWorld(t)
	var published atomic.Int64
	w.relay(t, event.Relay{Observe: func(outcome string, events int) {
		if outcome == event.Published {
			published.Add(int64(events))
		}
	}})
	r := w.tail(t, event.TailOptions{FromStart: true})
	w.write(t, some(600)...)
	eventually(t, "all events are read", func() bool { return r.count() == 600 })
	eventually(t, "the outbox is empty", func() bool { return w.pending(t) == 0 })
	w.same(t, r)
	if published.Load() != 600 {
		t.Errorf("%d events counted, want 600", published.Load())
	}
}

// looks counts how often somebody looks into an empty outbox.
type looks struct {
	event.Outbox
	n atomic.Int64
}

func (l *looks) Relay(context.Context, int, func(context.Context, []event.Record) error) (int, error) {
	l.n.Add(1)
	return 0, nil
}

func TestRelayLooksWhenItIsWokenAndEachSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake := event.NewSignal()
		var l looks
		r := event.Relay{Outbox: &l, Wake: wake}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = r.Run(ctx) }()
		check := func(what string, want int64) {
			t.Helper()
			synctest.Wait()
			if got := l.n.Load(); got != want {
				t.Errorf("%s: %d looks, want %d", what, got, want)
			}
		}
		check("at the start", 1)
		wake.Set()
		check("woken, with no time gone", 2)
		<-time.After(time.Second)
		check("a second later", 3)
	})
}

// What a message has beside its data, and how often the stream keeps it.
func TestMessageHasHeadersAndIsKeptOnce(t *testing.T) {
	w := newWorld(t)
	w.write(t, eventtest.Whole())
	p := w.publisher(t)
	// The first attempt dies between publishing and deleting.
	killed := errors.New("killed")
	_, err := eventdb.NewOutbox(w.db).Relay(t.Context(), 10, func(ctx context.Context, r []event.Record) error {
		return errors.Join(p.Publish(ctx, r), killed)
	})
	if !errors.Is(err, killed) || w.pending(t) != 1 {
		t.Fatalf("Relay() = %v, %d pending", err, w.pending(t))
	}
	w.relay(t, event.Relay{})
	eventually(t, "the outbox is empty", func() bool { return w.pending(t) == 0 })

	stream, err := w.server.JetStream(t).Stream(t.Context(), event.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("the stream has %d copies, want the second dropped", n)
	}
	m, err := stream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for id := range w.audited(t) {
		if m.Header.Get("Nats-Msg-Id") != id || m.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("header %v, want the id %s", m.Header, id)
		}
	}
	if m.Subject != "chancery.event.member.role_changed" {
		t.Errorf("subject %q", m.Subject)
	}
	want := jetstream.StreamConfig{
		Name: event.StreamName, Subjects: []string{"chancery.event.>"}, Storage: jetstream.FileStorage, Replicas: 1,
		MaxAge: 7 * 24 * time.Hour, Duplicates: 2 * time.Minute, Discard: jetstream.DiscardOld,
	}
	got := stream.CachedInfo().Config
	if got.Name != want.Name || !cmp.Equal(got.Subjects, want.Subjects) || got.Storage != want.Storage || got.Replicas != want.Replicas ||
		got.MaxAge != want.MaxAge || got.Duplicates != want.Duplicates || got.Discard != want.Discard {
		t.Errorf("stream %+v, want %+v", got, want)
	}
}

// mortal is a publisher whose relay dies after it has published.
type mortal struct {
	*event.Publisher
	die    context.CancelFunc
	deaths *atomic.Int64
}

func (m mortal) Publish(ctx context.Context, records []event.Record) error {
	err := m.Publisher.Publish(ctx, records)
	if m.deaths.Add(-1) >= 0 {
		m.die()
		return errors.Join(err, context.Canceled)
	}
	return err
}

func TestTwoRelaysThatDieLoseNothing(t *testing.T) {
	w := newWorld(t)
	r := w.tail(t, event.TailOptions{FromStart: true})
	var deaths atomic.Int64
	deaths.Store(6)
	for range 2 {
		p := w.publisher(t)
		start(t, func(ctx context.Context) error {
			for ctx.Err() == nil { // a process that is started again whenever it dies
				life, die := context.WithCancel(ctx)
				relay := event.Relay{Outbox: eventdb.NewOutbox(w.db), Publisher: mortal{p, die, &deaths}, Log: w.logger()}
				err := relay.Run(life)
				die()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				w.write(t, some(20)...)
			}
		})
	}
	wg.Wait()
	eventually(t, "the outbox is empty", func() bool { return w.pending(t) == 0 })
	eventually(t, "all events are read", func() bool { return r.count() == 2000 })
	w.same(t, r)
	if deaths.Load() >= 0 {
		t.Error("no relay has died")
	}
}

func TestEventsWaitWhileNATSIsAway(t *testing.T) {
	w := newWorld(t)
	p := w.publisher(t)
	w.server.Stop()
	var failures atomic.Int64
	w.relay(t, event.Relay{Publisher: p, Observe: func(outcome string, _ int) {
		if outcome == event.Failed {
			failures.Add(1)
		}
	}})
	w.write(t, some(3)...)
	eventually(t, "several attempts fail", func() bool { return failures.Load() >= 3 })
	if w.pending(t) != 3 {
		t.Errorf("%d events pending, want 3", w.pending(t))
	}
	w.server.Start(t)
	eventually(t, "the outbox is empty", func() bool { return w.pending(t) == 0 })
	eventually(t, "the recovery is logged", func() bool { return w.log.count("events are published again") == 1 })
	if n := w.log.count("level=WARN"); n != 1 {
		t.Errorf("%d warnings, want one for the whole time", n)
	}
}
