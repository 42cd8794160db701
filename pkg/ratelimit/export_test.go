package ratelimit

import "time"

// Lifetime is how long a bucket of the class is kept that nobody asks.
func Lifetime(c Class) time.Duration { return c.lifetime() }
