package event_test

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventdb"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/oauth"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

// SECURITY cases N275 and T09. Sequences begin again, and neither side notices
// by numbers.
func TestN275_StreamThatIsGoneIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	w.relay(t, event.Relay{})
	r := w.tail(t, event.TailOptions{FromStart: true})
	w.write(t, some(3)...)
	eventually(t, "events are read", func() bool { return r.count() == 3 })
	if err := w.server.JetStream(t).DeleteStream(t.Context(), event.StreamName); err != nil {
		t.Fatal(err)
	}
	w.write(t, some(2)...)
	eventually(t, "events are read from the new stream", func() bool { return r.count() == 5 })
	eventually(t, "the outbox is empty", func() bool { return w.pending(t) == 0 })
	w.same(t, r)
}

func TestN275_PurgedStreamGoesOn(t *testing.T) {
	w := newWorld(t)
	w.relay(t, event.Relay{})
	r := w.tail(t, event.TailOptions{FromStart: true})
	w.write(t, some(3)...)
	eventually(t, "events are read", func() bool { return r.count() == 3 })
	stream, err := w.server.JetStream(t).Stream(t.Context(), event.StreamName)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.write(t, some(2)...)
	eventually(t, "events are read", func() bool { return r.count() == 5 })
	w.same(t, r)
}

// A server that comes back without its files has no stream at all.
func TestN275_ServerThatLostItsFilesGetsTheStreamAgain(t *testing.T) {
	w := newWorld(t)
	w.relay(t, event.Relay{})
	w.write(t, some(2)...)
	eventually(t, "the outbox is empty", func() bool { return w.pending(t) == 0 })
	w.server.Stop()
	w.server.LoseFiles(t)
	w.server.Start(t)
	r := w.tail(t, event.TailOptions{FromStart: true})
	w.write(t, some(2)...)
	eventually(t, "what is new is read", func() bool { return r.count() == 2 })
}

// Whatever a client or a user is called, a subject has only the type in it.
func TestN276_NothingFromOutsideIsInASubject(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	subjects := map[string]int{}
	nc := w.server.Connect(t)
	if _, err := nc.Subscribe("chancery.>", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		subjects[m.Subject]++
	}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	strange := []string{"a.b", "*", ">", "a b", "a\r\nPUB x 1", "$JS.API.STREAM.DELETE.CHANCERY_EVENTS"}
	want := map[string]int{}
	for _, kind := range event.Types() {
		want["chancery.event."+string(kind)] = len(strange)
		for _, s := range strange {
			w.write(t, event.Event{Type: kind, ClientID: s, Sub: s, KeyID: s, Scope: oauth.Scope{s}})
		}
	}
	w.relay(t, event.Relay{})
	eventually(t, "all events are seen", func() bool {
		mu.Lock()
		defer mu.Unlock()
		n := 0
		for _, seen := range subjects {
			n += seen
		}
		return n >= len(event.Types())*len(strange)
	})
	if diff := cmp.Diff(want, subjects); diff != "" {
		t.Errorf("subjects (-want +got):\n%s", diff)
	}
}

// A row that could be published to a foreign subject is not, and holds up nobody.
func TestN276_RowOfAStrangeTypeIsDropped(t *testing.T) {
	w := newWorld(t)
	for _, kind := range []string{"", ">", "*", "grant.*", "a b", "a\r\nb", "a..b", ".a", "a.", "A", "é"} {
		_, err := w.db.Exec(t.Context(), `INSERT INTO event.outbox VALUES ($1, statement_timestamp(), $2, '', '')`, uuid.New(), kind)
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.db.Exec(t.Context(), `INSERT INTO event.outbox VALUES ($1, statement_timestamp(), 'key.created', 'no protobuf', '')`, uuid.New())
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, eventtest.Whole())
	r := w.tail(t, event.TailOptions{FromStart: true})
	w.relay(t, event.Relay{})
	eventually(t, "the outbox is empty", func() bool { return w.pending(t) == 0 })
	eventually(t, "the good event is read", func() bool { return r.count() == 1 })
	if n := w.log.count("event is not published"); n != 12 {
		t.Errorf("%d errors logged, want 12", n)
	}
}

// A type of a newer version, whose relay is not there any more, is published.
func TestUnknownTypeInTheOutboxIsPublished(t *testing.T) {
	w := newWorld(t)
	message, err := proto.Marshal(&eventv1.Event{Type: "moon.risen"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.db.Exec(t.Context(), `INSERT INTO event.outbox VALUES ($1, statement_timestamp(), 'moon.risen', $2, '')`, uuid.New(), message); err != nil {
		t.Fatal(err)
	}
	var skipped atomic.Int64
	r := w.tail(t, event.TailOptions{FromStart: true, Skipped: func(subject string, _ error) {
		if subject == "chancery.event.moon.risen" {
			skipped.Add(1)
		}
	}})
	w.relay(t, event.Relay{})
	eventually(t, "the event is skipped by a reader of this version", func() bool { return skipped.Load() == 1 })
	w.write(t, eventtest.Whole())
	eventually(t, "the event after it is read", func() bool { return r.count() == 1 })
}

// Every field of the contract is an id, a fixed word or a scope, and what a run
// publishes has nothing else.
func TestN277_EventsHoldIDsOnly(t *testing.T) {
	w := newWorld(t)
	w.relay(t, event.Relay{})
	var events []event.Event
	for _, kind := range event.Types() {
		e := eventtest.Whole()
		e.Type = kind
		events = append(events, e)
	}
	w.write(t, events...)
	r := w.tail(t, event.TailOptions{FromStart: true})
	eventually(t, "all events are read", func() bool { return r.count() == len(events) })
	for _, e := range r.events {
		eventtest.CheckIDs(t, e)
	}
	var fields []string
	descriptor := (&eventv1.Event{}).ProtoReflect().Descriptor().Fields()
	for i := range descriptor.Len() {
		if f := descriptor.Get(i); f.Kind() != protoreflect.MessageKind {
			fields = append(fields, string(f.Name()))
		}
	}
	want := []string{
		"id", "type", "caller", "trace_id", "client_id", "sub", "grant_id", "family_id", "session_id",
		"workspace_id", "project_id", "secret_id", "key_id", "scope", "role", "reason", "count",
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("a field is new: may it hold what a person would not want kept? (-want +got):\n%s", diff)
	}
}

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

// The check itself sees what must not be there.
func TestN277_CheckSeesWhatIsNoID(t *testing.T) {
	for name, change := range map[string]func(*eventv1.Event){
		"an address":    func(e *eventv1.Event) { e.Sub = "alice@example.com" },
		"a token":       func(e *eventv1.Event) { e.GrantId = "chat_abcdefghijklmnop" },
		"an IP address": func(e *eventv1.Event) { e.SessionId = "192.0.2.1" },
		"a name":        func(e *eventv1.Event) { e.WorkspaceId = "Acme Inc." },
		"a sentence":    func(e *eventv1.Event) { e.Reason = "Alice said so" },
		"a type":        func(e *eventv1.Event) { e.Type = "moon.risen" },
	} {
		e := &eventv1.Event{Id: uuid.NewString(), Type: "key.created"}
		eventtest.CheckIDs(t, e)
		change(e)
		r := &recorder{TB: t}
		if eventtest.CheckIDs(r, e); !r.failed {
			t.Errorf("%s passes", name)
		}
	}
}

// Messages that anybody with access to the stream could leave there.
func TestStrangeMessagesDoNotStopATail(t *testing.T) {
	w := newWorld(t)
	w.write(t, eventtest.Whole())
	w.relay(t, event.Relay{})
	eventually(t, "the stream is there", func() bool { return w.pending(t) == 0 })
	js := w.server.JetStream(t)
	good := &eventv1.Event{Id: uuid.NewString(), Type: "key.created"}
	for _, m := range []struct {
		subject string
		data    []byte
	}{
		{"key.created", nil},
		{"key.created", []byte("hello")},
		{"key.created", encode(t, &eventv1.Event{Id: "1", Type: "key.created"})},
		{"key.retired", encode(t, good)},
		{"moon.risen", encode(t, &eventv1.Event{Id: uuid.NewString(), Type: "moon.risen"})},
		{"key.created", encode(t, good)},
	} {
		if _, err := js.Publish(t.Context(), "chancery.event."+m.subject, m.data); err != nil {
			t.Fatal(err)
		}
	}
	var skipped atomic.Int64
	r := w.tail(t, event.TailOptions{FromStart: true, Skipped: func(string, error) { skipped.Add(1) }})
	eventually(t, "the good ones are read", func() bool { return r.count() == 2 })
	if skipped.Load() != 5 {
		t.Errorf("%d messages skipped, want 5", skipped.Load())
	}
}

func encode(t *testing.T, e *eventv1.Event) []byte {
	t.Helper()
	encoded, err := proto.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// It proves that the helper of N275 takes the files away.
func TestLostFilesAreLost(t *testing.T) {
	w := newWorld(t)
	w.write(t, eventtest.Whole())
	if _, err := eventdb.NewOutbox(w.db).Relay(t.Context(), 1, w.publisher(t).Publish); err != nil {
		t.Fatal(err)
	}
	w.server.Stop()
	folder := w.server.LoseFiles(t)
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	w.server.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := w.server.JetStream(t).Stream(ctx, event.StreamName); err == nil {
		t.Error("the stream is still there")
	}
}
