package edge

import (
	"time"

	"golang.org/x/time/rate"
)

// LimiterLifetime is how long a limiter that nobody asks is kept.
func LimiterLifetime(limit rate.Limit, burst int) time.Duration {
	return limiterKey{rate: limit, burst: burst}.lifetime()
}
