package coherent

import (
	"context"
	"errors"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// origin is where the clock of a synctest bubble begins.
var origin = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

var (
	errDown = errors.New("database is down")
	grantID = uuid.UUID{1}
)

// fakeLog is a source whose log is a slice. A read takes its snapshot first
// and its time afterwards, as a slow network does.
type fakeLog struct {
	mu       sync.Mutex
	entries  []Entry
	identity Identity
	epoch    int64
	fail     error
	takes    time.Duration
	perRow   time.Duration // of a read
	ahead    time.Duration // of the database's clock
	loads    int
	pages    int
	polls    int
	failPage func(n int) error // of each page, counted from 1

	reconciled   []Entry
	reconcileErr error
}

func (l *fakeLog) Reconcile(_ context.Context, entries []Entry) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reconcileErr != nil {
		return 0, l.reconcileErr
	}
	l.reconciled = append(l.reconciled, entries...)
	return len(entries), nil
}

func (l *fakeLog) Begin(ctx context.Context) (Batch, int64, error) {
	l.set(func(l *fakeLog) { l.loads++ })
	b, err := l.read(ctx, 0, 0)
	n, _ := strconv.Atoi(string(b.Cursor))
	return b, int64(n), err
}

func (l *fakeLog) Page(ctx context.Context, after, last int64, size int) (Page, error) {
	var fail error
	l.set(func(l *fakeLog) {
		l.pages++
		if l.failPage != nil {
			fail = l.failPage(l.pages)
		}
	})
	b, err := l.read(ctx, int(after), min(size, int(last-after)))
	return Page{b.Entries, after + int64(len(b.Entries)), b.Identity}, errors.Join(fail, err)
}

func (l *fakeLog) Poll(ctx context.Context, after Cursor) (Batch, error) {
	l.set(func(l *fakeLog) { l.polls++ })
	n, err := strconv.Atoi(string(after))
	if err != nil {
		return Batch{}, err
	}
	return l.read(ctx, n, math.MaxInt)
}

func (l *fakeLog) read(ctx context.Context, after, size int) (Batch, error) {
	l.mu.Lock()
	rows := l.entries[min(after, len(l.entries)):]
	rows = rows[:min(size, len(rows))]
	b := Batch{
		Entries:  rows,
		Cursor:   Cursor(strconv.Itoa(len(l.entries))),
		Identity: l.identity, RestoreEpoch: l.epoch,
		DatabaseTime: now().Add(l.ahead),
	}
	fail, takes := l.fail, l.takes+time.Duration(len(rows))*l.perRow
	l.mu.Unlock()
	if fail != nil {
		return Batch{}, fail
	}
	select {
	case <-time.After(takes):
		return b, nil
	case <-ctx.Done():
		return Batch{}, ctx.Err()
	}
}

func (l *fakeLog) set(change func(l *fakeLog)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

func (l *fakeLog) append(keepUntil time.Time, rs ...Restriction) {
	l.set(func(l *fakeLog) {
		for _, r := range rs {
			l.entries = append(l.entries, Entry{r, keepUntil})
		}
	})
}

func (l *fakeLog) counts() (loads, polls int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loads, l.polls
}

func now() time.Time { return origin.Add(time.Since(origin)) }

// elapse lets time pass for everything in the bubble.
func elapse(d time.Duration) {
	time.Sleep(d) // of the bubble: nothing waits
	synctest.Wait()
}

// fixture is a running replica of an empty log.
type fixture struct {
	*Replica
	log  *fakeLog
	wall atomic.Int64 // how far the wall clock is off, in nanoseconds
}

// inBubble runs f with a replica that has just loaded, unless prepare says
// otherwise.
func inBubble(t *testing.T, prepare func(l *fakeLog, o *Options), f func(t *testing.T, r *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &fixture{log: &fakeLog{identity: "a"}}
		o := Options{
			Clock: func() time.Duration { return time.Since(origin) },
			Wall:  func() time.Duration { return time.Duration(now().UnixNano() + r.wall.Load()) },
		}
		if prepare != nil {
			prepare(r.log, &o)
		}
		r.Replica = New(r.log, NewState(0), o)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		synctest.Wait()
		f(t, r)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run() = %v", err)
		}
	})
}

// permitted is a verdict on the grant that every test here is about: not ended.
func permitted(s *State) bool { return s.GrantEpoch(grantID) == 0 }

func (r *fixture) check(t *testing.T, want error) {
	t.Helper()
	if err := r.Check(t.Context(), permitted); !errors.Is(err, want) {
		t.Errorf("Check() = %v, want %v", err, want)
	}
}

func (r *fixture) fail(err error) { r.log.set(func(l *fakeLog) { l.fail = err }) }

func hour() time.Time { return now().Add(time.Hour) }

func TestNothingIsPermittedBeforeTheLoad(t *testing.T) {
	down := func(l *fakeLog, _ *Options) { l.fail = errDown }
	inBubble(t, down, func(t *testing.T, r *fixture) {
		if r.Ready() {
			t.Error("ready before the load")
		}
		r.check(t, ErrStale)
		r.fail(nil)
		elapse(time.Second)
		if !r.Ready() {
			t.Error("not ready after the load")
		}
		r.check(t, nil)
	})
}

// 3.996 s is the bound of 5 s without the pause of 1 s and without the drift.
func TestLeaseHoldsForTheBound(t *testing.T) {
	const usable = 3996 * time.Millisecond
	for _, tt := range []struct {
		age  time.Duration
		want error
	}{{usable, nil}, {usable + 1, ErrStale}} {
		inBubble(t, nil, func(t *testing.T, r *fixture) {
			r.fail(errDown)
			elapse(tt.age)
			if got := r.LeaseAge(); got != tt.age {
				t.Errorf("LeaseAge() = %s, want %s", got, tt.age)
			}
			r.check(t, tt.want)
		})
	}
}

func TestForbiddingNeedsNoLease(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		r.log.append(hour(), Grant(grantID, 1))
		elapse(time.Second)
		r.fail(errDown)
		elapse(time.Hour)
		before := now()
		r.check(t, nil)
		if now() != before {
			t.Error("a verdict that forbids waited for a poll")
		}
	})
}

func TestRestrictionArrivesWithTheNextPoll(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		r.log.append(hour(), Grant(grantID, 1))
		elapse(250 * time.Millisecond)
		if permitted(r.State()) {
			t.Error("a poll did not bring the restriction")
		}
	})
}

// The clock must be read before the query leaves.
func TestSlowPollIsCompleteAsOfItsStart(t *testing.T) {
	slow := func(l *fakeLog, o *Options) {
		l.takes, o.Bound, o.Pause = 1200*time.Millisecond, 2*time.Second, time.Second
	}
	inBubble(t, slow, func(t *testing.T, r *fixture) {
		elapse(2400 * time.Millisecond) // for where the log stands, and the poll
		if got := r.LeaseAge(); got != 1200*time.Millisecond {
			t.Errorf("LeaseAge() = %s right after a poll of 1.2 s", got)
		}
		r.check(t, ErrStale)
	})
}

// The lease must be read before the state. Here a
// poll brings the restriction and renews the lease between the moment eval has
// read the state and the moment it returns.
func TestStateIsReadAfterTheLease(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		r.fail(errDown)
		elapse(10 * time.Second)
		runs, verdict := 0, false
		err := r.Check(t.Context(), func(s *State) bool {
			runs++
			verdict = permitted(s)
			if runs == 1 {
				r.log.append(hour(), Grant(grantID, 1))
				r.fail(nil)
				elapse(time.Second)
			}
			return verdict
		})
		if err != nil || verdict {
			t.Errorf("Check() = %v with a permissive verdict: %t, want the restriction seen", err, verdict)
		}
	})
}

// SECURITY case F19. The state still learns what it can.
func TestUnknownKindNeverRenewsTheLease(t *testing.T) {
	for name, r := range map[string]Restriction{
		"unknown kind":  {Kind: 99, Key: []byte("x")},
		"malformed key": {Kind: KindGrant, Key: []byte("x")},
	} {
		t.Run(name, func(t *testing.T) {
			unknown := r
			inBubble(t, nil, func(t *testing.T, r *fixture) {
				r.log.append(now().Add(time.Minute), unknown)
				r.log.append(hour(), Session(grantID))
				elapse(50 * time.Second)
				r.check(t, ErrStale)
				if !r.State().SessionEnded(grantID) {
					t.Error("the restriction beside it was not joined")
				}
				elapse(12 * time.Second) // no token is left that it could concern
				r.check(t, nil)
			})
		})
	}
}

// SECURITY case F12: what found no room is not known, whatever the cursor says.
func TestFullStateGrantsNoLease(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		r.State().room.limit = 2 * price
		r.log.append(now().Add(90*time.Second), Session(uuid.UUID{1}), Session(uuid.UUID{2}))
		r.log.append(hour(), Session(uuid.UUID{3}))
		elapse(80 * time.Second)
		r.check(t, ErrStale)
		elapse(80 * time.Second) // two are over, and the third is read again
		r.check(t, nil)
		if !r.State().SessionEnded(uuid.UUID{3}) {
			t.Error("a lease without the restriction that found no room")
		}
	})
}

// SECURITY case F2: the database of another identity may have lost what was
// acknowledged, and its log is to be read from the beginning.
func TestOtherIdentityLoadsAndKeepsTheOldState(t *testing.T) {
	prepare := func(l *fakeLog, _ *Options) {
		l.entries = []Entry{{Grant(grantID, 1), origin.Add(time.Hour)}}
	}
	inBubble(t, prepare, func(t *testing.T, r *fixture) {
		r.log.set(func(l *fakeLog) {
			l.identity, l.epoch = "b", 7
			l.entries = []Entry{{Session(grantID), hour()}}
		})
		elapse(300 * time.Millisecond)
		if loads, _ := r.log.counts(); loads != 2 {
			t.Errorf("%d loads, want 2", loads)
		}
		if permitted(r.State()) {
			t.Error("a restriction that the new database lost is forgotten")
		}
		if !r.State().SessionEnded(grantID) || r.State().RestoreEpoch() != 7 {
			t.Error("the log of the new database was not read from the beginning")
		}
		elapse(time.Second)
		if loads, _ := r.log.counts(); loads != 2 {
			t.Errorf("%d loads, want no more than 2", loads)
		}
	})
}

// SECURITY case F10: the clock of a new primary is trusted no more than a jump of
// the old one would be.
func TestTheClockOfAnotherIdentityDropsNothing(t *testing.T) {
	prepare := func(l *fakeLog, _ *Options) {
		l.entries = []Entry{{Grant(grantID, 1), origin.Add(time.Hour)}}
	}
	inBubble(t, prepare, func(t *testing.T, r *fixture) {
		r.log.set(func(l *fakeLog) { l.identity, l.ahead, l.entries = "b", 25*time.Hour, nil })
		elapse(5 * time.Minute)
		if permitted(r.State()) {
			t.Error("a clock that is far ahead has brought the grant back")
		}
	})
}

// The cursor of one database means nothing in another, so an answer that comes
// from another must not renew the lease either.
func TestPollOfOtherIdentityRenewsNothing(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		elapse(200 * time.Millisecond)
		r.log.set(func(l *fakeLog) { l.identity, l.takes = "b", time.Second })
		elapse(1500 * time.Millisecond) // the poll is back, the load is not
		if got := r.LeaseAge(); got != 1700*time.Millisecond {
			t.Errorf("LeaseAge() = %s, want that of the first load", got)
		}
	})
}

func TestWaitersShareOnePoll(t *testing.T) {
	rare := func(_ *fakeLog, o *Options) { o.Period = time.Hour }
	inBubble(t, rare, func(t *testing.T, r *fixture) {
		elapse(10 * time.Second)
		r.log.set(func(l *fakeLog) { l.takes = 100 * time.Millisecond })
		_, before := r.log.counts()
		var wg sync.WaitGroup
		for range maxWaiters {
			wg.Go(func() { r.check(t, nil) })
		}
		wg.Wait()
		if _, after := r.log.counts(); after != before+1 {
			t.Errorf("%d polls for all waiters, want 1", after-before)
		}
	})
}

func TestWaitersAreFewAndPatientOnlyForAMoment(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		r.fail(errDown)
		elapse(10 * time.Second)
		start := now()
		var wg sync.WaitGroup
		for range maxWaiters {
			wg.Go(func() { r.check(t, ErrStale) })
		}
		synctest.Wait()
		r.check(t, ErrStale)
		if got := now().Sub(start); got != 0 {
			t.Errorf("one waiter too many waited for %s", got)
		}
		wg.Wait()
		if got := now().Sub(start); got != waitTimeout {
			t.Errorf("waiters waited for %s, want %s", got, waitTimeout)
		}
	})
}

func TestWaiterGoesWithItsRequest(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		r.fail(errDown)
		elapse(10 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := now()
		if err := r.Check(ctx, permitted); !errors.Is(err, ErrStale) {
			t.Errorf("Check() = %v, want %v", err, ErrStale)
		}
		if got := now().Sub(start); got != 50*time.Millisecond {
			t.Errorf("Check() took %s", got)
		}
	})
}

// A database that answers with errors is not hammered by those who wait for it.
func TestFailingPollsKeepTheirDistance(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		r.fail(errDown)
		elapse(10 * time.Second)
		_, before := r.log.counts()
		start := now()
		for now().Sub(start) < 2*time.Second {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			if err := r.Check(ctx, permitted); !errors.Is(err, ErrStale) {
				t.Errorf("Check() = %v, want %v", err, ErrStale)
			}
			cancel()
		}
		if _, after := r.log.counts(); after-before > 21 {
			t.Errorf("%d polls in two seconds, want one per %s", after-before, retryGap)
		}
	})
}

// SECURITY case F9: after a suspension that the clock did not count, the wall
// clock gives it away.
func TestDisagreeingClocksMakeTheLeaseLapse(t *testing.T) {
	for _, tt := range []struct {
		off  time.Duration
		want error
	}{
		{time.Second, nil},
		{time.Second + 1, ErrStale},
		{-time.Second, nil},
		{-time.Second - 1, ErrStale},
	} {
		inBubble(t, nil, func(t *testing.T, r *fixture) {
			r.fail(errDown)
			r.wall.Store(int64(tt.off))
			r.check(t, tt.want)
			r.fail(nil)
			elapse(time.Second) // a poll under the new wall clock
			r.check(t, nil)
		})
	}
}

func TestHangingPollIsGivenUp(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		elapse(200 * time.Millisecond)
		r.log.set(func(l *fakeLog) { l.takes = time.Hour })
		elapse(time.Second)
		r.log.set(func(l *fakeLog) { l.takes = 0 })
		elapse(1500 * time.Millisecond)
		if got := r.LeaseAge(); got > 500*time.Millisecond {
			t.Errorf("LeaseAge() = %s, want a poll after the one that hung", got)
		}
	})
}

func TestReplicaIsUnreadyAfterALongLapse(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		r.fail(errDown)
		elapse(5996 * time.Millisecond)
		if !r.Ready() {
			t.Error("unready within two seconds of the lapse")
		}
		elapse(1)
		if r.Ready() {
			t.Error("ready more than two seconds after the lapse")
		}
	})
}

func TestRestrictionIsDroppedAfterItsTime(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		r.log.append(now().Add(10*time.Minute), Grant(grantID, 1))
		elapse(10 * time.Minute)
		if permitted(r.State()) {
			t.Error("dropped before its time")
		}
		elapse(2 * expirePeriod)
		if !permitted(r.State()) {
			t.Error("not dropped after its time")
		}
		if used := r.State().room.used.Load(); used != 0 {
			t.Errorf("%d bytes in use by nothing", used)
		}
	})
}

// SECURITY case F10: a database clock that jumps must not bring tokens back.
func TestJumpOfTheDatabaseClockDropsNothing(t *testing.T) {
	for _, tt := range []struct {
		ahead time.Duration
		drop  bool
	}{{maxClockError, true}, {maxClockError + time.Second, false}, {25 * time.Hour, false}} {
		inBubble(t, nil, func(t *testing.T, r *fixture) {
			r.log.append(now().Add(4*time.Minute), Grant(grantID, 1))
			elapse(time.Second)
			r.log.set(func(l *fakeLog) { l.ahead = tt.ahead })
			elapse(90 * time.Second)
			if got := permitted(r.State()); got != tt.drop {
				t.Errorf("database clock %s ahead: dropped %t, want %t", tt.ahead, got, tt.drop)
			}
		})
	}
}
