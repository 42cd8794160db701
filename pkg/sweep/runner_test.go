package sweep_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chancery-auth/chancery/pkg/sweep"
)

// fake is a table whose rows are a number. It notes who had a turn.
type fake struct {
	rows  int64
	takes time.Duration // a batch
	err   error
	ahead time.Duration // its database's clock
	limit int           // of the last batch
}

func (f *fake) table(name string, turns *[]string) sweep.Table {
	return sweep.Table{
		Name: name,
		Now:  func(context.Context) (time.Time, error) { return now().Add(f.ahead), nil },
		Delete: func(_ context.Context, at time.Time, limit int) (sweep.Batch, error) {
			<-time.After(f.takes)
			*turns = append(*turns, name)
			f.limit = limit
			if f.err != nil {
				return sweep.Batch{}, f.err
			}
			n := min(f.rows, int64(limit))
			f.rows -= n
			return sweep.Batch{Rows: n, More: n == int64(limit), DueTime: at.Add(-time.Hour)}, nil
		},
	}
}

// now is the time of the bubble.
func now() time.Time { return time.Now() } //nolint:forbidigo // It is the time of the bubble.

// sweeping are some fakes with a runner.
type sweeping struct {
	*sweep.Runner
	fakes map[string]*fake
	turns []string
	log   bytes.Buffer
}

func newSweeping(fakes map[string]*fake, names ...string) *sweeping {
	s := &sweeping{fakes: fakes}
	var tables []sweep.Table
	for _, name := range names {
		tables = append(tables, fakes[name].table(name, &s.turns))
	}
	s.Runner = sweep.NewRunner(now, slog.New(slog.NewTextHandler(&s.log, nil)), tables...)
	return s
}

// stats are those of one table.
func (s *sweeping) stats(t *testing.T, name string) sweep.TableStats {
	t.Helper()
	for _, each := range s.Stats().Tables {
		if each.Name == name {
			return each
		}
	}
	t.Fatalf("no table %s", name)
	return sweep.TableStats{}
}

func TestN311_TablesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSweeping(map[string]*fake{
			"large": {rows: 1 << 40, takes: 50 * time.Millisecond}, "small": {rows: 2_500, takes: 50 * time.Millisecond}, "empty": {},
		}, "large", "small", "empty")
		s.Round(t.Context())
		if got := strings.Join(s.turns[:8], " "); got != "large small empty large small large small large" {
			t.Errorf("turns: %s", got)
		}
		if left := s.fakes["small"].rows; left != 0 {
			t.Errorf("%d rows of the small table are left", left)
		}
	})
}

func TestN311_ARoundEndsAndTheNextGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSweeping(map[string]*fake{"large": {rows: 400_000, takes: 100 * time.Millisecond}, "other": {takes: 100 * time.Millisecond}}, "large", "other")
		begin := now()
		s.Round(t.Context())
		if took := now().Sub(begin); took < 30*time.Second || took > 31*time.Second {
			t.Errorf("a round takes %s, want half a minute", took)
		}
		left := s.fakes["large"].rows
		if got := s.stats(t, "large"); left == 0 || got.Rows != 400_000-left || got.Lag < time.Hour {
			t.Errorf("%d rows are left, stats %+v", left, got)
		}
		for range 2 {
			s.Round(t.Context())
		}
		if got := s.stats(t, "large"); got.Rows != 400_000 || got.Lag > time.Minute {
			t.Errorf("stats at the end = %+v", got)
		}
	})
}

func TestN311_ATableThatFailsDoesNotStopTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSweeping(map[string]*fake{"bad": {rows: 5, err: errors.New("no room")}, "good": {rows: 5}}, "bad", "good")
		s.Round(t.Context())
		if got := s.stats(t, "good"); got.Rows != 5 || got.Failures != 0 {
			t.Errorf("good: %+v", got)
		}
		if got := s.stats(t, "bad"); got.Rows != 0 || got.Failures != 1 {
			t.Errorf("bad: %+v", got)
		}
		if log := s.log.String(); !strings.Contains(log, "table=bad") || !strings.Contains(log, "no room") || strings.Contains(log, "table=good") {
			t.Errorf("log: %s", log)
		}
		<-time.After(2 * time.Hour)
		if got := s.stats(t, "bad"); got.Lag < 2*time.Hour {
			t.Errorf("lag of a table that always fails = %s", got.Lag)
		}
		s.fakes["bad"].err = nil
		s.Round(t.Context())
		if got := s.stats(t, "bad"); got.Rows != 5 || got.Lag > time.Minute {
			t.Errorf("bad, once it works: %+v", got)
		}
	})
}

func TestN311_BatchesAreAsLargeAsTheTimeAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSweeping(map[string]*fake{
			"quick": {rows: 1 << 40, takes: time.Millisecond}, "slow": {rows: 1 << 40, takes: 2 * time.Second}, "bad": {err: errors.New("statement timeout")},
		}, "quick", "slow", "bad")
		for range 10 {
			s.Round(t.Context())
		}
		if got := s.fakes["quick"].limit; got != 10_000 {
			t.Errorf("%d rows in a quick batch, want the most", got)
		}
		for _, name := range []string{"slow", "bad"} {
			if got := s.fakes[name].limit; got != 10 {
				t.Errorf("%s: %d rows in a batch, want the least", name, got)
			}
		}
	})
}

func TestN307_NothingIsSweptWhileTheClocksDisagree(t *testing.T) {
	const day = 24 * time.Hour
	for _, ahead := range []time.Duration{
		25 * time.Hour, -25 * time.Hour, 5*time.Minute + time.Second, -5*time.Minute - time.Second, -30 * 365 * day, 290 * 365 * day,
	} {
		t.Run(fmt.Sprint(ahead), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSweeping(map[string]*fake{"a": {rows: 5, ahead: ahead}, "b": {rows: 5, ahead: ahead}}, "a", "b")
				for range 3 {
					s.Round(t.Context())
				}
				if len(s.turns) > 0 || !s.Stats().ClockDisagrees || s.stats(t, "a").Failures == 0 {
					t.Errorf("turns %v, stats %+v", s.turns, s.Stats())
				}
				if n := strings.Count(s.log.String(), "\n"); n != 1 || !strings.Contains(s.log.String(), "level=ERROR") {
					t.Errorf("want one line in the log:\n%s", s.log.String())
				}
				if rows, err := sweep.All(t.Context(), now, s.fakes["a"].table("a", &s.turns)); rows != 0 || !errors.Is(err, sweep.ErrClock) {
					t.Errorf("All() = %d, %v, want %v", rows, err, sweep.ErrClock)
				}
				for _, f := range s.fakes {
					f.ahead = max(-5*time.Minute, min(5*time.Minute, ahead)) // as far apart as they may be
				}
				s.Round(t.Context())
				if s.Stats().ClockDisagrees || s.stats(t, "a").Rows != 5 || s.stats(t, "b").Rows != 5 {
					t.Errorf("once the clocks agree: %+v", s.Stats())
				}
				if n := strings.Count(s.log.String(), "\n"); n != 2 {
					t.Errorf("want one line more in the log:\n%s", s.log.String())
				}
			})
		})
	}
}

func TestTwoRulesOfOneTableAreOneInTheStatistics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns []string
		one, other := &fake{rows: 3}, &fake{rows: 4, err: errors.New("x")}
		r := sweep.NewRunner(now, slog.New(slog.DiscardHandler), one.table("a", &turns), other.table("a", &turns))
		<-time.After(time.Hour)
		r.Round(t.Context())
		got := r.Stats().Tables
		if len(got) != 1 || got[0].Rows != 3 || got[0].Failures != 1 || got[0].Lag != time.Hour {
			t.Errorf("Stats() = %+v", got)
		}
	})
}

func TestRunSweepsEachMinuteUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSweeping(map[string]*fake{"a": {rows: 1}}, "a")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		<-time.After(150 * time.Second)
		cancel()
		if err := <-ended; err != nil || len(s.turns) != 2 {
			t.Errorf("Run() = %v after %d rounds", err, len(s.turns))
		}
	})
}
