package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
)

// world is a limiter whose clock the test moves.
type world struct {
	*ratelimit.Limiter
	t       *testing.T
	now     time.Time
	refused []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w.Limiter = ratelimit.New(func() time.Time { return w.now }, func(_ context.Context, class string) { w.refused = append(w.refused, class) })
	return w
}

// pass is how many of n requests pass.
func (w *world) pass(c ratelimit.Class, source string, n int) (passed int) {
	w.t.Helper()
	for range n {
		switch err := w.Take(w.t.Context(), c, source); {
		case err == nil:
			passed++
		case !errors.Is(err, fault.Exhausted):
			w.t.Fatalf("Take() = %v", err)
		}
	}
	return passed
}

func (w *world) want(what string, got, want int) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s: %d pass, want %d", what, got, want)
	}
}

func TestN319_ClassesOfEqualNumbersShareNoBucket(t *testing.T) {
	w := newWorld(t)
	token := ratelimit.Class{Name: ratelimit.Token, Rate: 5}
	push := ratelimit.Class{Name: ratelimit.Push, Rate: 5}
	w.want("token", w.pass(token, "c1", 20), 10)
	w.want("push", w.pass(push, "c1", 20), 10)
	w.want("token of another client", w.pass(token, "c2", 20), 10)
	w.want("token once more", w.pass(token, "c1", 20), 0)
	w.now = w.now.Add(time.Second)
	w.want("token after a second", w.pass(token, "c1", 20), 5)
}

func TestBucketsFillAtTheirRate(t *testing.T) {
	w := newWorld(t)
	hourly := ratelimit.Class{Name: ratelimit.Register, Rate: rate.Limit(10) / 3600, Burst: 10}
	w.want("at once", w.pass(hourly, "a", 12), 10)
	w.now = w.now.Add(359 * time.Second)
	w.want("before the next is due", w.pass(hourly, "a", 2), 0)
	var busy *fault.Error
	if err := w.Take(t.Context(), hourly, "a"); !errors.As(err, &busy) || busy.RetryAfter != 6*time.Minute {
		t.Errorf("Take() = %v, want to be told six minutes", err)
	}
	w.now = w.now.Add(time.Second)
	w.want("when it is due", w.pass(hourly, "a", 2), 1)
	w.now = w.now.Add(24 * time.Hour)
	w.want("a day later", w.pass(hourly, "a", 12), 10)
	if len(w.refused) == 0 || w.refused[0] != ratelimit.Register {
		t.Errorf("refusals were told as %q", w.refused)
	}
}

func TestCheckCountsNothing(t *testing.T) {
	w := newWorld(t)
	c := ratelimit.Class{Name: ratelimit.WrongClients, Rate: 1, Burst: 2}
	for range 5 {
		if err := w.Check(t.Context(), c, "a"); err != nil {
			t.Fatalf("Check() = %v", err)
		}
	}
	w.want("after checks", w.pass(c, "a", 5), 2)
	if err := w.Check(t.Context(), c, "a"); !errors.Is(err, fault.Exhausted) {
		t.Errorf("Check() = %v, want that it is exhausted", err)
	}
}

func TestOneRequestMayBeAsMuchAsMany(t *testing.T) {
	w := newWorld(t)
	g := ratelimit.Gate{Limiter: w.Limiter, Class: ratelimit.Class{Name: ratelimit.Introspect, Rate: 50}}
	for _, tt := range []struct {
		n    int
		want bool
	}{{60, true}, {60, false}, {40, true}, {1, false}} {
		if err := g.Take(t.Context(), "c1", tt.n); (err == nil) != tt.want {
			t.Errorf("Take(%d) = %v, want it to pass: %v", tt.n, err, tt.want)
		}
	}
	if err := g.Take(t.Context(), "c2", 1024); err != nil {
		t.Errorf("Take(more than a bucket) = %v", err)
	}
}

func TestNoLimit(t *testing.T) {
	w := newWorld(t)
	w.want("an infinite rate", w.pass(ratelimit.Class{Name: "a", Rate: rate.Inf}, "a", 1000), 1000)
	w.want("no rate", w.pass(ratelimit.Class{Name: "b"}, "a", 1000), 1000)
	if err := (ratelimit.Gate{}).Take(t.Context(), "a", 1); err != nil {
		t.Errorf("the zero gate: %v", err)
	}
	var none *ratelimit.Limiter
	if err := errors.Join(none.Take(t.Context(), ratelimit.Class{Rate: 1}, "a"), none.Check(t.Context(), ratelimit.Class{Rate: 1}, "a")); err != nil {
		t.Errorf("no limiter: %v", err)
	}
}

// N253: whoever makes up sources cannot make the limiter grow. 300,000 of them,
// each of a kilobyte, leave less than 64 MiB.
func TestN253_SourcesWithoutEndHaveBoundedMemory(t *testing.T) {
	w := newWorld(t)
	class := ratelimit.Class{Name: ratelimit.Clients, Rate: 2000}
	before := heap()
	filler := strings.Repeat("x", 1<<10)
	for i := range 300_000 {
		if err := w.Take(t.Context(), class, fmt.Sprintf("%d%s", i, filler)); err != nil {
			t.Fatal(err)
		}
	}
	if grown := heap() - before; grown > 64<<20 {
		t.Errorf("they take %d MiB", grown>>20)
	}
	runtime.KeepAlive(w)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A long source is told from another that begins alike.
func TestLongSourcesAreToldApart(t *testing.T) {
	w := newWorld(t)
	class := ratelimit.Class{Name: ratelimit.Clients, Rate: 1, Burst: 1}
	long := strings.Repeat("a", 100)
	w.want("one", w.pass(class, long+"1", 2), 1)
	w.want("another", w.pass(class, long+"2", 2), 1)
}

func TestBlock(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := ratelimit.Block(netip.MustParseAddr(in)); got != want {
			t.Errorf("Block(%s) = %s, want %s", in, got, want)
		}
	}
	if got := ratelimit.Block(netip.Addr{}); got != "" {
		t.Errorf("Block(none) = %q", got)
	}
}

// A bucket that was forgotten would be whole again.
func TestBucketsAreKeptUntilTheyAreWhole(t *testing.T) {
	for _, tt := range []struct {
		limit rate.Limit
		burst int
		want  time.Duration
	}{
		{rate.Limit(10) / 3600, 10, time.Hour},
		{rate.Limit(1) / 3600, 1, time.Hour},
		{2000, 4000, 10 * time.Minute},
	} {
		if got := ratelimit.Lifetime(ratelimit.Class{Rate: tt.limit, Burst: tt.burst}); got.Round(time.Second) != tt.want {
			t.Errorf("lifetime of %v, %d = %v, want %v", tt.limit, tt.burst, got, tt.want)
		}
	}
}
