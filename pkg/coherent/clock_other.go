//go:build !linux

package coherent

import "time"

//nolint:forbidigo,gochecknoglobals // The origin of an interval, never an instant; it is not reassigned.
var start = time.Now()

// bootClock reads the monotonic clock, which may stand still while the machine
// is suspended. The comparison with the wall clock covers that.
func bootClock() time.Duration { return time.Since(start) }

// wallClock reads the time of day. It only ever makes a lease lapse.
func wallClock() time.Duration {
	return time.Duration(time.Now().UnixNano()) //nolint:forbidigo // A clock is what this is.
}
