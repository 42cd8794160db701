package coherent

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootClock reads the time since boot. Unlike the clock behind time.Since it
// goes on while the machine is suspended, so that a lease from before the
// suspension does not look fresh after it.
func bootClock() time.Duration { return read(unix.CLOCK_BOOTTIME) }

// wallClock reads the time of day. It only ever makes a lease lapse.
func wallClock() time.Duration { return read(unix.CLOCK_REALTIME) }

func read(clock int32) time.Duration {
	var ts unix.Timespec
	// It fails only for a clock that the kernel does not have; the reading is
	// then 0, and no lease is ever newer than that.
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
