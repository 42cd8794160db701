package coherent

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/chancery-auth/chancery/pkg/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func connect(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, nats.ReconnectWait(10*time.Millisecond), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func hints(t *testing.T, url string) *Hints {
	t.Helper()
	return NewHints(connect(t, url), time.Hour, slog.New(slog.DiscardHandler))
}

func subscribe(t *testing.T, h *Hints) *State {
	t.Helper()
	s := NewState(0)
	if err := h.Subscribe(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := h.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return s
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

func TestHintReachesEveryReplica(t *testing.T) {
	url := natstest.New(t)
	a, b := hints(t, url), hints(t, url)
	states := []*State{subscribe(t, a), subscribe(t, b)}
	rs := []Restriction{Subject("x", 2)}
	for n := range byte(200) {
		rs = append(rs, Grant(uuid.UUID{n}, 1), Session(uuid.UUID{n}))
	}
	a.Publish(t.Context(), rs...)
	for _, s := range states {
		eventually(t, "all restrictions are joined", func() bool {
			return s.SubjectEpoch("x") == 2 && s.GrantEpoch(uuid.UUID{199}) == 1 && s.SessionEnded(uuid.UUID{199})
		})
	}
}

func TestStrangeMessageIsIgnored(t *testing.T) {
	url := natstest.New(t)
	h := hints(t, url)
	s := subscribe(t, h)
	for _, message := range [][]byte{nil, []byte("hello"), encodeHint(time.Hour, []Restriction{{Kind: 99}})} {
		if err := h.nc.Publish(hintSubject, message); err != nil {
			t.Fatal(err)
		}
	}
	h.Publish(t.Context(), Subject("x", 2))
	eventually(t, "the hint after them is joined", func() bool { return s.SubjectEpoch("x") == 2 })
}

func TestHintsComeAgainAfterTheServerDoes(t *testing.T) {
	server := natstest.NewServer(t)
	h := hints(t, server.URL())
	s := subscribe(t, h)
	server.Stop()
	server.Start(t)
	eventually(t, "a hint is joined", func() bool {
		h.Publish(t.Context(), Subject("x", 2)) // lost until the client is back
		return s.SubjectEpoch("x") == 2
	})
}

func TestSubscriptionEndsWithItsContext(t *testing.T) {
	h := hints(t, natstest.New(t))
	ctx, cancel := context.WithCancel(t.Context())
	if err := h.Subscribe(ctx, NewState(0)); err != nil {
		t.Fatal(err)
	}
	cancel()
	eventually(t, "no subscription is left", func() bool { return h.nc.NumSubscriptions() == 0 })
}

func TestNoHintsAreSilent(t *testing.T) {
	var h *Hints
	h.Publish(t.Context(), Token(id))
	if err := h.Subscribe(t.Context(), NewState(0)); err != nil {
		t.Errorf("Subscribe() = %v", err)
	}
}

// The state's idea of the database's clock comes from polls. A hint is kept by
// it, and dropped before the first poll has told it.
func TestHintIsKeptByTheDatabaseClock(t *testing.T) {
	s := NewState(0)
	s.databaseTime.Store(ended.UnixMicro())
	s.joinHint(time.Hour, []Restriction{Subject("x", 1)})
	s.expire(ended.Add(time.Hour))
	if s.SubjectEpoch("x") != 1 {
		t.Error("dropped before its time")
	}
	s.expire(ended.Add(time.Hour + time.Microsecond))
	if s.SubjectEpoch("x") != 0 {
		t.Error("not dropped after its time")
	}
}
