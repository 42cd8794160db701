package pg

import (
	"errors"
	"log/slog"
	"testing"
	"time"
)

// A look that fails, or a few within two seconds, changes nothing, and neither does
// one that succeeds during an outage.
func TestN329_AMonitorDoesNotFlap(t *testing.T) {
	var now time.Time
	m := NewMonitor(nil, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	away := errors.New("away")
	now = now.Add(time.Hour)
	for i, look := range []struct {
		err   error
		after time.Duration
		want  bool
	}{
		{away, time.Hour, true}, // the process was suspended
		{away, convincedAfter - 1, true},
		{nil, 0, true},
		{away, 0, true},
		{away, convincedAfter - 1, true},
		{away, 1, false},
		{nil, time.Hour, false},
		{away, convincedAfter - 1, false},
		{nil, 0, false},
		{nil, convincedAfter, true},
	} {
		now = now.Add(look.after)
		if m.judge(t.Context(), look.err); m.Usable() != look.want {
			t.Errorf("look %d: usable %t, want %t", i, m.Usable(), look.want)
		}
	}
}
