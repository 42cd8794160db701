package coherent

import "time"

// clockStep is the disagreement of two clocks about how much time has passed from
// which neither is believed: one of them was not running.
const clockStep = time.Second

// Clocks measures how long ago something was read that is remembered: a lease, and
// whatever is used under one. It is safe for concurrent use.
type Clocks struct {
	// Boot reads the time since any fixed point, and goes on during suspend.
	Boot func() time.Duration
	// Wall reads the time of day as an interval since the Unix epoch. It may be wrong
	// and may jump.
	Wall func() time.Duration
}

// Instant is a reading of both clocks.
type Instant struct{ boot, wall time.Duration }

// Now reads the clocks.
func (c Clocks) Now() Instant { return Instant{c.Boot(), c.Wall()} }

// Within says whether less than d has passed since at. It says no when the clocks
// disagree about that.
func (c Clocks) Within(at Instant, d time.Duration) bool {
	age := c.Boot() - at.boot
	disagreement := age - (c.Wall() - at.wall)
	return age >= 0 && age < d && disagreement.Abs() <= clockStep
}

// Now is the time of day by this machine's clock.
func Now() time.Time { return time.Unix(0, int64(wallClock())) }
