package event_test

import (
	"context"
	"errors"
	"testing"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

func TestTailReadsOneTypeOrAll(t *testing.T) {
	w := newWorld(t)
	for _, kind := range event.Types() {
		w.write(t, event.Event{Type: kind})
	}
	w.relay(t, event.Relay{})
	eventually(t, "the outbox is empty", func() bool { return w.pending(t) == 0 })
	for _, tt := range []struct {
		kind string
		want int
	}{
		{"", len(event.Types())},
		{"grant", 3},
		{"grant.revoked", 1},
		{"client", 3}, // and not client_secret
	} {
		t.Run(tt.kind, func(t *testing.T) {
			r := w.tail(t, event.TailOptions{FromStart: true, Type: tt.kind})
			marker := w.tail(t, event.TailOptions{FromStart: true})
			eventually(t, "events are read", func() bool { return r.count() >= tt.want && marker.count() == len(event.Types()) })
			if r.count() != tt.want {
				t.Errorf("%d events, want %d", r.count(), tt.want)
			}
		})
	}
	err := event.Tail(t.Context(), w.server.JetStream(t), event.TailOptions{Type: "grant.>"}, nil)
	if !errors.Is(err, event.ErrInvalid) {
		t.Errorf("Tail() of a pattern = %v, want %v", err, event.ErrInvalid)
	}
}

// The stream was not there yet, so all of it is new.
func TestTailWaitsForTheStream(t *testing.T) {
	w := newWorld(t)
	r := w.tail(t, event.TailOptions{})
	eventually(t, "the tail waits", func() bool { return r.count() == 0 })
	w.write(t, some(2)...)
	w.relay(t, event.Relay{})
	eventually(t, "events are read", func() bool { return r.count() == 2 })
}

func TestTailOfNewEventsLeavesOutTheOld(t *testing.T) {
	w := newWorld(t)
	w.write(t, some(3)...)
	w.relay(t, event.Relay{})
	eventually(t, "the outbox is empty", func() bool { return w.pending(t) == 0 })
	r := w.tail(t, event.TailOptions{})
	eventually(t, "a new event is read", func() bool {
		w.write(t, eventtest.Whole()) // lost until the tail has begun
		return r.count() > 0
	})
	old := 0
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range w.audited(t) {
		if r.events[id] == nil {
			old++
		}
	}
	if old < 3 {
		t.Errorf("%d events are left out, want at least the 3 old ones", old)
	}
}

func TestTailEndsWithTheErrorOfItsFunction(t *testing.T) {
	w := newWorld(t)
	w.write(t, some(1)...)
	w.relay(t, event.Relay{})
	full := errors.New("full")
	err := event.Tail(t.Context(), w.server.JetStream(t), event.TailOptions{FromStart: true}, func(*eventv1.Event) error { return full })
	if !errors.Is(err, full) {
		t.Errorf("Tail() = %v, want %v", err, full)
	}
}

func TestTailGoesOnAfterTheServerWasAway(t *testing.T) {
	w := newWorld(t)
	w.relay(t, event.Relay{})
	r := w.tail(t, event.TailOptions{FromStart: true})
	w.write(t, some(2)...)
	eventually(t, "events are read", func() bool { return r.count() == 2 })
	w.server.Stop()
	w.write(t, some(2)...)
	w.server.Start(t)
	eventually(t, "events after it are read", func() bool { return r.count() == 4 })
	w.same(t, r)
}

func TestTailEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := event.Tail(ctx, eventtest.NewServer(t).JetStream(t), event.TailOptions{}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Tail() = %v, want %v", err, context.Canceled)
	}
}
