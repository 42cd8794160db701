package coherent

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/role"
)

// every is one restriction of each kind, and a second where a key may have two.
func every() []Restriction {
	return []Restriction{
		Token(id), Session(id), Secret(id), SealingKey(1), Grant(id, 1), Family(id, 2), Project(id, 3),
		Subject("sub", 4), Client("client", Deleted), ClientScope("client", 5, ""), ClientScope("client", 6, "a b"),
		Membership("sub", uuid.UUID{0, 1}, 7, role.None), Membership("sub", uuid.UUID{0, 1}, 8, role.Viewer),
	}
}

// entries returns everything that the state has.
func (s *State) entries() (list []Entry) {
	for shard := range shards {
		for _, each := range s.shelves {
			each.each(shard, func(e Entry, _ bool) { list = append(list, e) })
		}
	}
	return list
}

// without returns what the log, which is joined, was not seen to have.
func (s *State) without(log []Entry) (list []Entry) {
	s.unmark()
	for _, e := range log {
		s.joinRow(e)
	}
	for shard := range shards {
		list = append(list, s.missing(shard)...)
	}
	return list
}

// name tells restrictions apart.
func (r Restriction) name() string { return string(appendRestriction(nil, r)) }

func TestEntriesAreWhatWasJoined(t *testing.T) {
	s := NewState(0)
	s.Join(ended, Grant(id, 0), Subject("sub", 3))
	s.Join(ended, every()...)
	s.Join(ended, Restore(9))
	var want []Entry
	for _, r := range every() {
		want = append(want, Entry{r, ended})
	}
	byName := cmpopts.SortSlices(func(a, b Entry) bool { return a.name() < b.name() })
	if diff := cmp.Diff(want, s.entries(), byName, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("entries() (-want +got):\n%s", diff)
	}
	if missing := s.without(s.entries()); len(missing) != 0 {
		t.Errorf("a state lacks %v of what was joined from it", missing)
	}
	if missing := s.without(nil); len(missing) != len(want) {
		t.Errorf("%d of %d entries are missing in an empty log", len(missing), len(want))
	}
}

// A log with a lesser epoch only has lost the greater one.
func TestLesserEpochIsALoss(t *testing.T) {
	s := NewState(0)
	s.Join(ended, Grant(id, 1), Grant(id, 2), Session(id))
	for _, tt := range []struct {
		log  []Restriction
		want int
	}{
		{[]Restriction{Grant(id, 1), Session(id)}, 1},
		{[]Restriction{Grant(id, 2), Session(id)}, 0},
		{[]Restriction{Grant(id, 2), Grant(id, 1), Session(id)}, 0},
		{[]Restriction{Grant(id, 2)}, 1},
	} {
		var log []Entry
		for _, r := range tt.log {
			log = append(log, Entry{r, ended})
		}
		if got := s.without(log); len(got) != tt.want {
			t.Errorf("without(%v) = %v, want %d", tt.log, got, tt.want)
		}
	}
}

// failOver replaces the database by one of the next life, with what is left.
func (r *fixture) failOver(left ...Entry) {
	r.log.set(func(l *fakeLog) { l.identity += "'"; l.entries = left })
}

func (r *fixture) written() []Entry {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return r.log.reconciled
}

// SECURITY case F2.
func TestLostTailIsWrittenBack(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		until := hour()
		r.log.append(until, every()...)
		elapse(time.Second)
		r.failOver(Entry{Token(id), until}, Entry{Session(uuid.UUID{9}), until})
		r.log.set(func(l *fakeLog) { l.reconcileErr = errDown })
		elapse(time.Second)
		r.check(t, nil) // that it cannot be written back yet costs no lease
		if got := r.Stats(); got.IdentityChanges != 1 || got.Reconciled != 0 {
			t.Errorf("%+v while nothing can be written", got)
		}
		r.log.set(func(l *fakeLog) { l.reconcileErr = nil })
		elapse(time.Second)
		want := int64(len(every()) - 1)
		if got := r.Stats(); got.Reconciled != want || int64(len(r.written())) != want {
			t.Errorf("%+v, %d written back, want %d", got, len(r.written()), want)
		}
		for _, e := range r.written() {
			if e.Kind == KindToken || e.Key[0] == 9 || !e.KeepUntil.Equal(until) {
				t.Errorf("%v was written back until %s", e.Restriction, e.KeepUntil)
			}
		}
	})
}

func TestNothingIsWrittenBack(t *testing.T) {
	for name, change := range map[string]func(*fixture){
		"same identity":       func(r *fixture) { r.log.set(func(l *fakeLog) { l.entries = nil }) },
		"nothing lost":        func(r *fixture) { r.log.set(func(l *fakeLog) { l.identity = "b" }) },
		"restore from backup": func(r *fixture) { r.failOver(); r.log.set(func(l *fakeLog) { l.epoch++ }) },
		"restore after a failover": func(r *fixture) {
			r.log.set(func(l *fakeLog) { l.reconcileErr = errDown })
			r.failOver()
			elapse(time.Second)
			r.failOver()
			r.log.set(func(l *fakeLog) { l.epoch++; l.reconcileErr = nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, r *fixture) {
				r.log.append(hour(), every()...)
				elapse(time.Second)
				change(r)
				elapse(10 * time.Second)
				if got := r.written(); len(got) != 0 {
					t.Errorf("%d entries were written back", len(got))
				}
				r.check(t, nil)
			})
		})
	}
}

// The lease is renewed between the parts.
func TestManyAreWrittenBackInParts(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		var many []Restriction
		for n := range 2*writeBackSize + 1 {
			many = append(many, Session(uuid.UUID{byte(n), byte(n >> 8)}))
		}
		r.log.append(hour(), many...)
		elapse(time.Second)
		r.failOver()
		elapse(400 * time.Millisecond) // of which the first poll took up to 250 ms
		if got := r.Stats().Reconciled; got != int64(len(many)) {
			t.Errorf("%d written back, want %d", got, len(many))
		}
	})
}

func TestStatsCount(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		r.log.append(hour(), Session(uuid.UUID{1}), Session(uuid.UUID{2}))
		r.log.set(func(l *fakeLog) { l.takes = 10 * time.Millisecond })
		elapse(time.Second)
		s := r.Stats()
		if s.Polls < 3 || s.FailedPolls != 0 || s.PollRows != 2 || s.LastPoll != 10*time.Millisecond {
			t.Errorf("%+v after polls of 10 ms that brought 2 rows", s)
		}
		if s.Restrictions != 2 || s.Bytes != 2*price || s.LeaseAge != r.LeaseAge() {
			t.Errorf("%+v, want 2 restrictions", s)
		}
		r.fail(errDown)
		elapse(10 * time.Second)
		r.check(t, ErrStale)
		if s := r.Stats(); s.FailedPolls == 0 || s.Stale != 1 {
			t.Errorf("%+v after failed polls and a stale answer", s)
		}
	})
	if s := New(&fakeLog{}, NewState(0), Options{}).Stats(); s.LeaseAge != math.MaxInt64 || s.Polls != 0 {
		t.Errorf("%+v before the first load", s)
	}
}

// A nudge while a poll is under way asks for another; more do not.
func TestManyNudgesCauseFewPolls(t *testing.T) {
	rare := func(_ *fakeLog, o *Options) { o.Period = time.Hour }
	inBubble(t, rare, func(t *testing.T, r *fixture) {
		elapse(time.Minute)
		_, before := r.log.counts()
		for range 1000 {
			r.Nudge()
		}
		elapse(time.Second)
		if _, after := r.log.counts(); after != before+1 && after != before+2 {
			t.Errorf("%d polls, want 1 or 2", after-before)
		}
	})
}

// SECURITY case F12: whatever the kind, a restriction that finds no room ends
// the lease, and one that needs none is joined in a full state too.
func TestFullStateIsHonestAboutEveryKind(t *testing.T) {
	for _, wanted := range every() {
		inBubble(t, nil, func(t *testing.T, r *fixture) {
			r.State().room.limit = 0
			r.log.append(hour(), wanted)
			elapse(6 * time.Second)
			r.check(t, ErrStale)
		})
	}
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		r.log.append(hour(), Grant(grantID, 0))
		elapse(time.Second)
		r.State().room.limit = r.Stats().Bytes
		r.log.append(hour(), Grant(grantID, 1), Grant(grantID, 2))
		elapse(6 * time.Second)
		r.check(t, nil)
		if r.State().GrantEpoch(grantID) != 2 {
			t.Error("an epoch that takes no room was not raised")
		}
	})
}
