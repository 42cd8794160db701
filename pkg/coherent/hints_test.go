package coherent

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/chancery-auth/chancery/pkg/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// key is that of every process, otherKey that of a stranger.
var key, otherKey = hintKey(bytes.Repeat([]byte{7}, hintKeySize)), hintKey(bytes.Repeat([]byte{8}, hintKeySize))

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
	return NewHints(connect(t, url), HintOptions{Keep: time.Hour, Key: key})
}

// subscribe returns a replica that nothing polls for, so that what it knows
// came as a hint.
func subscribe(t *testing.T, h *Hints) *Replica {
	t.Helper()
	r := New(&fakeLog{}, NewState(0), Options{})
	if err := h.Subscribe(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	h.flush(t)
	return r
}

func (h *Hints) flush(t *testing.T) {
	t.Helper()
	if err := h.nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

// send publishes a message as it is.
func (h *Hints) send(t *testing.T, messages ...[]byte) {
	t.Helper()
	for _, m := range messages {
		if err := h.nc.Publish(hintSubject, m); err != nil {
			t.Fatal(err)
		}
	}
	h.flush(t)
}

// nudged takes the request for a poll, if there is one.
func (r *Replica) nudged() bool {
	select {
	case <-r.nudge:
		return true
	default:
		return false
	}
}

func message(k hintKey, rs ...Restriction) []byte {
	m, _ := k.encode(time.Hour, rs)
	return m
}

// ofVersion seals content under a version byte of choice.
func ofVersion(version byte, content []byte) []byte {
	m := append([]byte{version}, content...)
	return append(m, key.mac(m)...)
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
	replicas := []*Replica{subscribe(t, a), subscribe(t, b)}
	rs := []Restriction{Subject("x", 2)}
	for n := range 10_000 { // more than fit into one message
		rs = append(rs, Grant(uuid.UUID{byte(n), byte(n >> 8)}, 1))
	}
	a.Publish(t.Context(), rs...)
	for _, r := range replicas {
		eventually(t, "all restrictions are joined", func() bool { return r.Stats().Restrictions == int64(len(rs)) })
		if r.State().SubjectEpoch("x") != 2 || r.nudged() {
			t.Error("the first is missing, or a poll was asked for although nothing is")
		}
	}
	sent, received := a.Stats(), b.Stats()
	if sent.Sent < 2 || received.Received != sent.Sent || received.Refused != 0 || received.Dropped != 0 {
		t.Errorf("sent %+v, received %+v", sent, received)
	}
}

// Each message is one that is accepted, but for one thing.
func TestN272_ForgedHintIsRefused(t *testing.T) {
	url := natstest.New(t)
	h := hints(t, url)
	r := subscribe(t, h)
	good := message(key, Subject("victim", Deleted))
	changed := bytes.Clone(good)
	changed[3] ^= 1
	for name, m := range map[string][]byte{
		"without MAC": message(nil, Subject("victim", Deleted)), "under another key": message(otherKey, Subject("victim", Deleted)),
		"empty": {}, "MAC cut": good[:len(good)-1], "MAC alone": good[len(good)-macSize:], "one byte more": append(bytes.Clone(good), 0),
		"content changed": changed, "MAC of nothing": make([]byte, macSize), "too long": make([]byte, maxHintSize+1), "text": []byte("hello"),
	} {
		before := h.Stats().Refused
		h.send(t, m)
		eventually(t, name+" is refused", func() bool { return h.Stats().Refused == before+1 })
		if r.Stats().Restrictions != 0 || r.nudged() {
			t.Errorf("%s: it changed the state, or caused a poll", name)
		}
	}
	h.send(t, good)
	eventually(t, "the good one is joined", func() bool { return r.State().SubjectEpoch("victim") == Deleted })
}

// A stranger's hint costs no more than looking at it; one of a newer release
// may be about something that this one cannot read, so the log is asked.
func TestN273_HintOfANewerReleaseCausesAPoll(t *testing.T) {
	url := natstest.New(t)
	h := hints(t, url)
	r := subscribe(t, h)
	content := message(key, Subject("x", 2))
	content = content[1 : len(content)-macSize]
	for name, m := range map[string][]byte{
		"unknown kind":    message(key, Restriction{Kind: 99, Key: []byte("x")}),
		"strange key":     message(key, Restriction{Kind: KindGrant, Key: []byte("x")}),
		"unknown version": ofVersion(3, content), "plain version": ofVersion(versionPlain, content),
		"malformed": ofVersion(versionSealed, []byte{0xff}), "no version": key.mac(nil),
	} {
		h.send(t, m)
		eventually(t, name+" causes a poll", r.nudged)
	}
	if got := r.Stats().Restrictions; got != 0 {
		t.Errorf("%d restrictions came of messages that mean nothing", got)
	}
	// What can be joined is joined, and none of them ended the subscription.
	h.send(t, message(key, Restriction{Kind: 99}, Subject("x", 2)))
	eventually(t, "the known one beside an unknown is joined", func() bool { return r.State().SubjectEpoch("x") == 2 })
	if s := h.Stats(); s.Received != 3 || s.Refused != 4 {
		t.Errorf("%+v, want 3 read and 4 refused", s)
	}
}

func TestN273_OlderHintChangesNothing(t *testing.T) {
	h := hints(t, natstest.New(t))
	r := subscribe(t, h)
	h.Publish(t.Context(), Subject("x", 5), Client("c", Deleted))
	h.Publish(t.Context(), Subject("x", 4), Subject("x", 0), Client("c", 1), Grant(grantID, -1))
	eventually(t, "both are received", func() bool { return h.Stats().Received == 2 })
	if s := r.State(); s.SubjectEpoch("x") != 5 || s.ClientEpoch("c") != Deleted || !permitted(s) {
		t.Error("a lesser epoch has replaced a greater one")
	}
}

// Whatever comes over the bus, the lease is that of the last poll: the age of
// what is known cannot be made less by a message, because none can say what
// did not come.
func TestN271_NoMessageRenewsTheLease(t *testing.T) {
	h := hints(t, natstest.New(t))
	r := subscribe(t, h)
	if err := r.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := r.lease.Load()
	h.Publish(t.Context(), examples...)
	h.Publish(t.Context(), Restore(1<<62), Subject("x", 1<<62))
	h.send(t, message(nil, Restore(1<<62)), ofVersion(3, nil), ofVersion(versionSealed, []byte{0xff}), nil)
	for kind := range Kind(200) {
		h.send(t, message(key, Restriction{Kind: kind, Version: 1 << 62}))
	}
	eventually(t, "all have come", func() bool { s := h.Stats(); return s.Received+s.Refused == 2+4+200 })
	if r.lease.Load() != last {
		t.Error("a message has renewed the lease")
	}
	never := subscribe(t, hints(t, h.nc.ConnectedUrl()))
	h.Publish(t.Context(), Restore(1<<62))
	eventually(t, "it has come", func() bool { return never.State().RestoreEpoch() == 1<<62 })
	if never.Ready() || never.lease.Load() != nil {
		t.Error("a message has granted a lease")
	}
}

// stall keeps every restriction of one token from being joined.
func (s *State) stall() (resume func()) {
	for i := range s.tokens.parts {
		s.tokens.parts[i].mu.Lock()
	}
	return func() {
		for i := range s.tokens.parts {
			s.tokens.parts[i].mu.Unlock()
		}
	}
}

func TestN274_DroppedHintsAreCountedAndCauseAPoll(t *testing.T) {
	url := natstest.New(t)
	h, sender := hints(t, url), hints(t, url)
	var told atomic.Bool
	h.nc.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		told.Store(errors.Is(err, nats.ErrSlowConsumer))
	})
	r := subscribe(t, h)
	if err := h.sub.Load().SetPendingLimits(100, maxPendingBytes); err != nil {
		t.Fatal(err)
	}
	resume := r.State().stall()
	for range 1000 {
		sender.Publish(t.Context(), Token(id))
	}
	sender.flush(t)
	eventually(t, "hints are dropped", func() bool { return h.Stats().Dropped > 0 })
	eventually(t, "a poll is asked for", r.nudged)
	eventually(t, "whoever handled errors before is told", told.Load)
	resume()
	eventually(t, "the next hint is joined", func() bool {
		sender.Publish(t.Context(), Subject("x", 2))
		return r.State().SubjectEpoch("x") == 2
	})
}

func TestN274_HintTooLongForTheServerIsOnlyMissed(t *testing.T) {
	h := hints(t, natstest.New(t))
	r := subscribe(t, h)
	if err := h.nc.Publish(hintSubject, make([]byte, 2<<20)); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("Publish() = %v of 2 MiB", err)
	}
	h.nc.Close()
	h.Publish(t.Context(), Subject("x", 2))
	if s := h.Stats(); s.Dropped != 1 || s.Sent != 0 || r.State().SubjectEpoch("x") != 0 {
		t.Errorf("%+v over a closed connection", s)
	}
}

// The bus keeps nothing that anybody relies on: it may forget everything, and
// say everything again.
func TestN275_BusThatForgetsAndRepeatsChangesNothing(t *testing.T) {
	server := natstest.NewServer(t)
	h := hints(t, server.URL())
	r := subscribe(t, h)
	var old [][]byte
	for version := range int64(5) {
		old = append(old, message(key, Subject("x", version), Session(uuid.UUID{byte(version)})))
	}
	h.send(t, old...)
	eventually(t, "all are joined", func() bool { return r.State().SubjectEpoch("x") == 4 })
	server.Stop()
	server.Start(t)
	before := h.Stats().Received
	eventually(t, "they come again", func() bool {
		for _, m := range [][]byte{old[2], old[0], old[0], old[1]} {
			_ = h.nc.Publish(hintSubject, m) // lost until the client is back
		}
		return h.Stats().Received > before
	})
	if s := r.Stats(); r.State().SubjectEpoch("x") != 4 || s.Restrictions != 6 {
		t.Errorf("%d restrictions, want those of before", s.Restrictions)
	}
}

func TestN276_NothingOfAUserIsPartOfASubject(t *testing.T) {
	nc := connect(t, natstest.New(t))
	h := NewHints(nc, HintOptions{Keep: time.Hour, Key: key})
	all, err := nc.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.b", "*", ">", "a b", "x\r\nPUB y 0\r\n"} {
		h.Publish(t.Context(), Subject(name, 1), Client(name, 1), ClientScope(name, 1, name))
		m, err := all.NextMsg(10 * time.Second)
		if err != nil || m.Subject != hintSubject {
			t.Errorf("%q: message %v, %v", name, m, err)
		}
	}
}

func TestKeyOfAnotherSizeIsRefused(t *testing.T) {
	nc := connect(t, natstest.New(t))
	for _, tt := range []struct {
		key  []byte
		good bool
	}{{nil, true}, {[]byte{}, false}, {key[:31], false}, {key, true}, {append(bytes.Clone(key), 0), false}} {
		h := NewHints(nc, HintOptions{Key: tt.key})
		if err := h.Subscribe(t.Context(), New(&fakeLog{}, NewState(0), Options{})); (err == nil) != tt.good {
			t.Errorf("Subscribe() = %v with a key of %d bytes", err, len(tt.key))
		}
	}
}

func TestHintsComeAgainAfterTheServerDoes(t *testing.T) {
	server := natstest.NewServer(t)
	h := hints(t, server.URL())
	r := subscribe(t, h)
	server.Stop()
	server.Start(t)
	eventually(t, "a hint is joined", func() bool {
		h.Publish(t.Context(), Subject("x", 2)) // lost until the client is back
		return r.State().SubjectEpoch("x") == 2
	})
}

func TestSubscriptionEndsWithItsContext(t *testing.T) {
	h := hints(t, natstest.New(t))
	ctx, cancel := context.WithCancel(t.Context())
	if err := h.Subscribe(ctx, New(&fakeLog{}, NewState(0), Options{})); err != nil {
		t.Fatal(err)
	}
	cancel()
	eventually(t, "no subscription is left", func() bool { return h.nc.NumSubscriptions() == 0 })
	if h.Stats() != (HintStats{}) {
		t.Errorf("%+v after the end", h.Stats())
	}
}

func TestNoHintsAreSilent(t *testing.T) {
	var h *Hints
	h.Publish(t.Context(), Token(id))
	if err := h.Subscribe(t.Context(), nil); err != nil || h.Stats() != (HintStats{}) {
		t.Errorf("Subscribe() = %v, %+v", err, h.Stats())
	}
}

// The state's idea of the database's clock comes from polls. A hint is kept by
// it, and dropped before the first poll has told it.
func TestHintIsKeptByTheDatabaseClock(t *testing.T) {
	s := NewState(0)
	s.databaseTime.Store(ended.UnixMicro())
	if !s.joinHint(time.Hour, []Restriction{Subject("x", 1)}) {
		t.Fatal("a hint could not be joined")
	}
	s.expire(ended.Add(time.Hour))
	if s.SubjectEpoch("x") != 1 {
		t.Error("dropped before its time")
	}
	s.expire(ended.Add(time.Hour + time.Microsecond))
	if s.SubjectEpoch("x") != 0 {
		t.Error("not dropped after its time")
	}
}

func TestHintIsKeptAsItsRowIs(t *testing.T) {
	s := NewState(0)
	s.databaseTime.Store(ended.UnixMicro())
	if !s.joinHint(time.Hour, []Restriction{Secret(id), Token(id)}) {
		t.Fatal("a hint could not be joined")
	}
	s.expire(ended.Add(10 * time.Minute))
	if !s.SecretRevoked(id) {
		t.Error("a client secret is dropped before its time")
	}
	s.expire(ended.Add(10*time.Minute + time.Microsecond))
	if s.SecretRevoked(id) {
		t.Error("a client secret is not dropped after its time")
	}
	if !s.TokenRevoked(id) {
		t.Error("a token is dropped before its time")
	}
	if s.joinHint(time.Hour, []Restriction{{Kind: 99}, Secret(id)}) || !s.SecretRevoked(id) {
		t.Error("what is unknown is joined, or keeps the rest from it")
	}
}
