package coherent_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/chancery-auth/chancery/pkg/coherent"
)

// What the log does not have, a poll cannot have brought.
func TestHintsNeedNoPoll(t *testing.T) {
	in := install(t, options())
	grant := uuid.New()
	in.service.Publish(t.Context(), coherent.Grant(grant, 1))
	seenBy(t, grant, in.nodes...)
}

func TestT06_RevocationIsSeenWithoutNATS(t *testing.T) {
	in := install(t, options())
	in.watch(t)
	seenBy(t, in.end(t), in.nodes...)
	in.nats.Stop()
	for range 5 {
		seenBy(t, in.end(t), in.nodes...)
	}
	for i, n := range in.nodes {
		eventually(t, "a replica permits without NATS", func() bool { active, err := n.asks(t, living); return active && err == nil })
		if !n.Ready() {
			t.Errorf("replica %d is not ready without NATS", i)
		}
	}
	in.nats.Start(t)
	before := in.nodes[0].hints.Stats().Received
	eventually(t, "hints come again", func() bool {
		in.end(t)
		return in.nodes[0].hints.Stats().Received > before
	})
}

func TestT07_BlackHoledNATSOfOneReplica(t *testing.T) {
	in := install(t, options())
	in.watch(t)
	in.nodes[0].bus.BlackHole()
	for range 5 {
		seenBy(t, in.end(t), in.nodes...)
	}
	if got := in.nodes[0].hints.Stats().Received; got != 0 {
		t.Errorf("%d hints came through a black hole", got)
	}
	in.nodes[0].bus.Heal()
	eventually(t, "hints come again", func() bool {
		in.end(t)
		return in.nodes[0].hints.Stats().Received > 0
	})
}

// What the bus carries is repeated, turned around and mixed with forgeries.
func TestT08_T10_HintsRepeatedReorderedAndForged(t *testing.T) {
	in := install(t, options())
	in.watch(t)
	heard, err := in.bus.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	var messages []*nats.Msg
	for range 5 {
		seenBy(t, in.end(t), in.nodes...)
		m, err := heard.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, m)
	}
	stranger := coherent.NewHints(in.bus, coherent.HintOptions{Keep: keep, Key: make([]byte, 32)})
	slices.Reverse(messages)
	for range 5 {
		stranger.Publish(t.Context(), coherent.Grant(living, coherent.Deleted), coherent.Restore(1<<62))
		for _, m := range messages {
			if err := in.bus.Publish(m.Subject, m.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, n := range in.nodes {
		eventually(t, "all are looked at", func() bool { s := n.hints.Stats(); return s.Received == 5+25 && s.Refused == 5 })
		if got := n.Stats().Restrictions; got != 5 || n.State().RestoreEpoch() != 0 {
			t.Errorf("replica %d has %d restrictions, want 5", i, got)
		}
		eventually(t, "the living grant is active", func() bool { active, err := n.asks(t, living); return active && err == nil })
	}
}

func TestT12_BlackHoledDatabaseOfOneReplica(t *testing.T) {
	in := install(t, options())
	in.watch(t)
	known := in.end(t)
	seenBy(t, known, in.nodes...)
	cut, others := in.nodes[0], in.nodes[1:]
	cut.database.BlackHole()
	for range 3 {
		seenBy(t, in.end(t), others...)
	}
	eventually(t, "the replica without database is unready", func() bool { return !cut.Ready() })
	if active, err := cut.asks(t, living); err == nil {
		t.Errorf("it says active = %t without a lease", active)
	}
	if active, err := cut.asks(t, known); active || err != nil {
		t.Errorf("active = %t, %v of what is known to have ended", active, err)
	}
	// Hints reach it still. They forbid, and never give it a lease.
	age := cut.Stats().LeaseAge
	seenBy(t, in.end(t), cut)
	if _, err := cut.asks(t, living); err == nil || cut.Stats().LeaseAge <= age {
		t.Error("a hint has renewed the lease")
	}
	for i, n := range others {
		eventually(t, "the others permit", func() bool { active, err := n.asks(t, living); return active && err == nil })
		if !n.Ready() {
			t.Errorf("replica %d is unready because of another", i+1)
		}
	}
	cut.database.Heal()
	eventually(t, "it permits again", func() bool { active, err := cut.asks(t, living); return active && err == nil && cut.Ready() })
}

// A link that breaks is another matter than one that hangs: the next poll
// connects anew, and nothing is missed in between.
func TestBrokenLinksAreConnectedAnew(t *testing.T) {
	in := install(t, options())
	in.watch(t)
	for range 5 {
		for _, n := range in.nodes {
			n.database.Cut()
			n.bus.Cut()
		}
		seenBy(t, in.end(t), in.nodes...)
	}
	for _, n := range in.nodes {
		eventually(t, "it permits", func() bool { active, err := n.asks(t, living); return active && err == nil })
	}
}
