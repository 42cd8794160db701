package attempt_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
)

func TestKeysOfDifferentPairsDiffer(t *testing.T) {
	seen := make(map[attempt.Key][2]string)
	for _, pair := range [][2]string{
		{"", ""}, {"a", ""}, {"", "a"}, {"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"A", ""}, {"a\x00", "b"}, {"a", "\x00b"},
	} {
		key := attempt.KeyOf(pair[0], pair[1])
		if other, ok := seen[key]; ok {
			t.Errorf("%q and %q have one key", pair, other)
		}
		seen[key] = pair
	}
}

func limits() attempt.Limits {
	return attempt.Limits{
		Device:  attempt.Limit{Attempts: 10, Window: 15 * time.Minute},
		Pair:    attempt.Limit{Attempts: 10, Window: 15 * time.Minute},
		Account: attempt.Limit{Attempts: 100, Window: 24 * time.Hour},
		Address: attempt.Limit{Attempts: 100, Window: time.Hour},
		Network: attempt.Limit{Attempts: 1000, Window: time.Hour},
		Delay:   time.Second, DelayFrom: 5,
	}
}

// limiter takes attempts.
type limiter struct {
	attempt.Limiter
	t *testing.T
}

func newLimiter(t *testing.T) limiter {
	t.Helper()
	return limiter{attempt.Limiter{Attempts: directorytest.SQLite(t).Attempts, Limits: limits()}, t}
}

func (l limiter) take(from attempt.From) attempt.Verdict {
	l.t.Helper()
	v, err := l.Take(l.t.Context(), from)
	if err != nil {
		l.t.Fatalf("Take() = %v", err)
	}
	return v
}

func TestLimiterRefusesBeyondTheLimit(t *testing.T) {
	l := newLimiter(t)
	from := attempt.From{Account: "ada", AddressBlock: "192.0.2.1/32"}
	for n := 1; n <= 12; n++ {
		looked, err := l.Look(t.Context(), from)
		v := l.take(from)
		if err != nil || looked.Refused != v.Refused || looked.Last != v.Last || looked.Delay != v.Delay {
			t.Errorf("attempt %d: Look() = %+v, %v, Take() = %+v", n, looked, err, v)
		}
		if (v.Refused == attempt.ByPair) != (n > 10) || v.Last != (n == 10) {
			t.Errorf("attempt %d: %+v", n, v)
		}
		if n >= 10 && (v.RetryAfter <= 0 || v.RetryAfter > 15*time.Minute) {
			t.Errorf("attempt %d: RetryAfter = %v, want up to the window", n, v.RetryAfter)
		}
		if want := n > 5; (v.Delay == time.Second) != want {
			t.Errorf("attempt %d: Delay = %v", n, v.Delay)
		}
	}
	if err := l.Succeed(t.Context(), from); err != nil {
		t.Fatalf("Succeed() = %v", err)
	}
	if v := l.take(from); v.Refused != "" {
		t.Errorf("attempt after a success: %+v", v)
	}
}

// Each limit lets its number through and no more, whoever reaches it.
func TestN312_EachLimitHoldsAtItsNumber(t *testing.T) {
	device := secret.DigestOf("handle")
	for name, tt := range map[string]struct {
		from  func(n int) attempt.From
		limit int
		by    attempt.By
	}{
		"one account from everywhere": {func(n int) attempt.From {
			return attempt.From{Account: "ada", AddressBlock: fmt.Sprintf("192.0.2.%d/32", n)}
		}, 100, attempt.ByAccount},
		"one account from 120 /64s of one /48": {func(n int) attempt.From {
			return attempt.From{Account: "ada", AddressBlock: fmt.Sprintf("2001:db8:1:%x::/64", n)}
		}, 100, attempt.ByAccount},
		"many accounts from one address": {func(n int) attempt.From {
			return attempt.From{Account: fmt.Sprint("user ", n), AddressBlock: "192.0.2.1/32"}
		}, 100, attempt.ByAddress},
		"many accounts from one /64": {func(n int) attempt.From {
			return attempt.From{Account: fmt.Sprint("user ", n), AddressBlock: "2001:db8:1:2::/64"}
		}, 100, attempt.ByAddress},
		"many accounts from many /64s of one /48": {func(n int) attempt.From {
			return attempt.From{Account: fmt.Sprint("user ", n), AddressBlock: fmt.Sprintf("2001:db8:1:%x::/64", n)}
		}, 1000, attempt.ByNetwork},
		"a known device": {func(int) attempt.From {
			return attempt.From{Account: "ada", AddressBlock: "192.0.2.1/32", Device: &device}
		}, 10, attempt.ByDevice},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLimiter(t)
			for n := 1; n <= tt.limit+1; n++ {
				v := l.take(tt.from(n))
				if v.Last != (n == tt.limit) || (v.Refused == tt.by) != (n > tt.limit) {
					t.Fatalf("attempt %d: %+v", n, v)
				}
			}
		})
	}
}

func TestN312_AnotherNetworkIsCountedByItself(t *testing.T) {
	l := newLimiter(t)
	l.Network.Attempts = 2
	for n, want := range []attempt.By{"", "", attempt.ByNetwork} {
		v := l.take(attempt.From{Account: fmt.Sprint(n), AddressBlock: fmt.Sprintf("2001:db8:1:%x::/64", n)})
		if v.Refused != want {
			t.Errorf("attempt %d: %+v, want %q", n, v, want)
		}
	}
	if v := l.take(attempt.From{Account: "3", AddressBlock: "2001:db8:2:1::/64"}); v.Refused != "" {
		t.Errorf("from another /48: %+v", v)
	}
}

// One address that is refused uses nothing of what an account has for all.
func TestN312_RefusedAttemptsLockNobodyOut(t *testing.T) {
	l := newLimiter(t)
	for n := range 500 {
		l.take(attempt.From{Account: "ada", AddressBlock: "192.0.2.1/32"})
		l.take(attempt.From{Account: fmt.Sprint("user ", n), AddressBlock: "192.0.2.1/32"})
	}
	if v := l.take(attempt.From{Account: "ada", AddressBlock: "198.51.100.7/32"}); v.Refused != "" || v.Last {
		t.Errorf("the account from elsewhere: %+v", v)
	}
	if v := l.take(attempt.From{Account: "user 499", AddressBlock: "198.51.100.7/32"}); v.Refused != "" || v.Delay != 0 {
		t.Errorf("an account that was refused alone: %+v", v)
	}
}

func TestSuccessesAreNotCounted(t *testing.T) {
	l := newLimiter(t)
	for n := range 300 {
		from := attempt.From{Account: fmt.Sprint("user ", n), AddressBlock: "192.0.2.1/32"}
		if v := l.take(from); v.Refused != "" || v.Last {
			t.Fatalf("attempt %d from one office: %+v", n, v)
		}
		if err := l.Succeed(t.Context(), from); err != nil {
			t.Fatalf("Succeed() = %v", err)
		}
	}
}
