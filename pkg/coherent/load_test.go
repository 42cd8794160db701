package coherent

import (
	"context"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// sessions returns restrictions that are told apart by number.
func sessions(from, to int) (rs []Restriction) {
	for n := from; n < to; n++ {
		rs = append(rs, Session(numbered(n)))
	}
	return rs
}

func numbered(n int) (id uuid.UUID) {
	binary.BigEndian.PutUint32(id[:], uint32(n))
	return id
}

func (r *fixture) checkSessions(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		if !r.State().SessionEnded(numbered(i)) {
			t.Fatalf("session %d of %d is missing", i, n)
		}
	}
}

const manyRows = 3*largestPage + 17

func withRows(l *fakeLog, _ *Options) {
	for _, r := range sessions(0, manyRows) {
		l.entries = append(l.entries, Entry{r, origin.Add(time.Hour)})
	}
}

// However the database fails, a load goes on from the page that failed, and grants
// the lease only when everything is there.
func TestN308_AFailedPageIsRepeatedAlone(t *testing.T) {
	fails := func(l *fakeLog, o *Options) {
		withRows(l, o)
		l.failPage = func(n int) error {
			if n == 2 || n == 3 {
				return errDown
			}
			return nil
		}
	}
	inBubble(t, fails, func(t *testing.T, r *fixture) {
		if r.Ready() {
			t.Error("ready after one page")
		}
		if !r.State().SessionEnded(numbered(0)) || r.State().SessionEnded(numbered(largestPage)) {
			t.Error("want the first page joined, and it alone")
		}
		if got := r.Stats().Loaded; got <= 0 || got >= 1 {
			t.Errorf("%v of the log is loaded", got)
		}
		elapse(time.Second)
		r.check(t, nil)
		r.checkSessions(t, manyRows)
		loads, _ := r.log.counts()
		if got := r.Stats(); loads != 1 || got.PollRows != manyRows || got.Loaded != 1 {
			t.Errorf("%d loads, %+v, want each row read once", loads, got)
		}
	})
}

// A page that takes longer than a poll may is made smaller until it does not.
func TestN308_PagesFitASlowDatabase(t *testing.T) {
	slow := func(l *fakeLog, o *Options) {
		withRows(l, o)
		l.perRow = time.Millisecond
	}
	inBubble(t, slow, func(t *testing.T, r *fixture) {
		elapse(2 * time.Minute)
		r.check(t, nil)
		r.checkSessions(t, manyRows)
		if loads, _ := r.log.counts(); loads != 1 {
			t.Errorf("%d loads, want one", loads)
		}
	})
}

// What is written while a load is under way is in the difference from its beginning.
func TestN308_RowsOfTheLoadAreInTheDifference(t *testing.T) {
	growing := func(l *fakeLog, o *Options) {
		withRows(l, o)
		l.failPage = func(n int) error {
			l.entries = append(l.entries, Entry{Session(numbered(manyRows + n - 1)), origin.Add(time.Hour)})
			return nil
		}
	}
	inBubble(t, growing, func(t *testing.T, r *fixture) {
		r.check(t, nil)
		_, polls := r.log.counts()
		r.checkSessions(t, manyRows+4)
		if polls != 1 {
			t.Errorf("%d polls, want the lease from the first", polls)
		}
	})
}

// A difference that cannot be read in time is read as pages.
func TestN308_TooLargeADifferenceIsLoaded(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		r.fail(errDown)
		elapse(time.Minute)
		r.log.append(hour(), sessions(0, manyRows)...)
		r.log.set(func(l *fakeLog) { l.fail, l.perRow = nil, 100*time.Microsecond })
		elapse(time.Minute)
		r.check(t, nil)
		r.checkSessions(t, manyRows)
		if loads, _ := r.log.counts(); loads != 3 {
			t.Errorf("%d loads, want one more, and a look before it", loads)
		}
	})
	// The twin: a database that does not answer at all is no reason to load.
	inBubble(t, nil, func(t *testing.T, r *fixture) {
		r.log.set(func(l *fakeLog) { l.takes = time.Hour })
		elapse(time.Minute)
		r.log.set(func(l *fakeLog) { l.takes = 0 })
		elapse(5 * time.Second)
		r.check(t, nil)
		if got := r.Stats().PollRows; got != 0 {
			t.Errorf("%d rows", got)
		}
	})
}

// One slow poll, as beside a checkpoint, is no large difference: to load would take
// the lease of every replica at once.
func TestN308_OneSlowPollIsRepeated(t *testing.T) {
	inBubble(t, withRows, func(t *testing.T, r *fixture) {
		for range 3 {
			r.log.set(func(l *fakeLog) { l.takes = time.Hour })
			elapse(time.Second) // a poll has begun
			r.log.set(func(l *fakeLog) { l.takes = 0 })
			elapse(5 * time.Second)
			r.check(t, nil)
		}
		if got := r.Stats().PollRows; got != manyRows {
			t.Errorf("%d rows were read, want the %d of the first load", got, manyRows)
		}
	})
}

// The database may be replaced while it is loaded from.
func TestN308_AnotherIdentityBetweenPagesStartsOver(t *testing.T) {
	moves := func(l *fakeLog, o *Options) {
		withRows(l, o)
		l.failPage = func(n int) error {
			if n == 3 {
				l.identity = "b"
				l.entries = l.entries[:largestPage]
			}
			return nil
		}
	}
	inBubble(t, moves, func(t *testing.T, r *fixture) {
		elapse(time.Second)
		r.check(t, nil)
		r.checkSessions(t, 2*largestPage)
		if loads, _ := r.log.counts(); loads != 2 {
			t.Errorf("%d loads, want 2", loads)
		}
		elapse(10 * time.Second)
		if got := len(r.written()); got != largestPage {
			t.Errorf("%d rows are written back, want the page that the second database lacks", got)
		}
	})
}

func TestLoadEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLog{identity: "a", takes: time.Second}
		withRows(l, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		r := New(l, NewState(0), Options{})
		if err := r.Run(ctx); err != nil {
			t.Errorf("Run() = %v", err)
		}
		if r.Ready() {
			t.Error("ready without a whole load")
		}
	})
}

// SECURITY case F10, from the first reading on.
func TestN307_AClockThatIsWrongFromTheStartDropsNothing(t *testing.T) {
	for name, ahead := range map[string]time.Duration{
		"a day ahead": 25 * time.Hour, "a day behind": -25 * time.Hour, "six minutes ahead": 6 * time.Minute,
		"1970": time.Unix(0, 0).Sub(origin), "9999": time.Duration(1<<63 - 1),
	} {
		t.Run(name, func(t *testing.T) {
			wrong := func(l *fakeLog, _ *Options) {
				l.ahead = ahead
				l.entries = []Entry{{Grant(grantID, 1), origin.Add(time.Hour)}}
			}
			inBubble(t, wrong, func(t *testing.T, r *fixture) {
				r.check(t, nil) // it serves
				r.log.append(now().Add(time.Hour), Session(numbered(1)))
				elapse(10 * time.Minute)
				if permitted(r.State()) || !r.State().SessionEnded(numbered(1)) {
					t.Error("a live restriction is dropped or skipped")
				}
				if s := r.Stats(); !s.ClockDisagrees || s.ClockOffset.Abs() < maxClockError {
					t.Errorf("%+v is believed", s)
				}
				r.log.set(func(l *fakeLog) { l.ahead = 0 }) // corrected
				elapse(10 * time.Minute)
				if permitted(r.State()) || !r.State().SessionEnded(numbered(1)) {
					t.Error("the correction drops a live restriction")
				}
				if s := r.Stats(); s.ClockDisagrees || s.ClockOffset.Abs() > time.Second {
					t.Errorf("%+v after the correction", s)
				}
				elapse(2 * time.Hour)
				if !permitted(r.State()) {
					t.Error("what has run out is kept")
				}
			})
		})
	}
}

// The twin: what is off by less than five minutes decides.
func TestN307_AClockThatIsNearlyRightIsBelieved(t *testing.T) {
	near := func(l *fakeLog, _ *Options) {
		l.ahead = 4 * time.Minute
		l.entries = []Entry{{Grant(grantID, 1), origin.Add(time.Minute)}}
	}
	inBubble(t, near, func(t *testing.T, r *fixture) {
		elapse(5 * time.Minute)
		if !permitted(r.State()) || r.Stats().ClockDisagrees {
			t.Error("what has run out by the database's clock is kept")
		}
	})
}

// SECURITY case N295: this machine's clock may be the wrong one, from the start or
// later.
func TestN295_AWrongClockOfTheReplicaDropsNothing(t *testing.T) {
	for _, off := range []time.Duration{25 * time.Hour, -25 * time.Hour} {
		inBubble(t, nil, func(t *testing.T, r *fixture) {
			r.log.append(hour(), Grant(grantID, 1))
			elapse(time.Second)
			r.wall.Store(int64(off))
			elapse(30 * time.Minute)
			if permitted(r.State()) || !r.Stats().ClockDisagrees {
				t.Errorf("off by %s: believed", off)
			}
			r.wall.Store(0)
			elapse(10 * time.Second)
			r.check(t, nil)
			if r.Stats().ClockDisagrees {
				t.Error("not believed after the correction")
			}
		})
	}
}
