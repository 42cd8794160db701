package attempt_test

import (
	"testing"
	"time"

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

func TestLimiterRefusesBeyondTheLimit(t *testing.T) {
	l := attempt.Limiter{Attempts: directorytest.SQLite(t).Attempts, Limit: 10, Window: 15 * time.Minute}
	key := attempt.KeyOf("ada", "192.0.2.1/32")
	take := func() attempt.Verdict {
		t.Helper()
		v, err := l.Take(t.Context(), key)
		if err != nil {
			t.Fatalf("Take() = %v", err)
		}
		return v
	}
	for n := 1; n <= 12; n++ {
		v := take()
		if v.Refused != (n > 10) || v.Last != (n == 10) {
			t.Errorf("attempt %d: %+v", n, v)
		}
		if v.RetryAfter <= 0 || v.RetryAfter > 15*time.Minute {
			t.Errorf("attempt %d: RetryAfter = %v, want up to the window", n, v.RetryAfter)
		}
	}
	if err := l.Clear(t.Context(), key); err != nil {
		t.Fatalf("Clear() = %v", err)
	}
	if v := take(); v.Refused {
		t.Errorf("attempt after Clear(): %+v", v)
	}
}
