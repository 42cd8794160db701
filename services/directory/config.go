package directory

import (
	"errors"
	"runtime"
	"time"

	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
	"github.com/chancery-auth/chancery/services/directory/internal/password"
)

// Argon2id are the costs of a password hash (RFC 9106 §3.1).
type Argon2id = password.Params

// AttemptLimits bound how often passwords can be guessed.
type AttemptLimits = attempt.Limits

// Config is what an operator decides. The zero value is not usable: start from
// [Default].
type Config struct {
	// Argon2id are the costs of new hashes. Raised, they apply to a user with the
	// next sign-in; until then that user's failures take a time of their own.
	Argon2id Argon2id
	// HashingSlots is how many passwords are hashed at once, in this process. It
	// bounds the memory that takes to that many times Argon2id.MemoryKiB. With more
	// slots than the least of Attempts, attempts could be refused while others of the
	// same account and address block succeed.
	HashingSlots int
	// HashingWait is how long a call waits for a slot before it is refused.
	HashingWait time.Duration
	// Attempts are how many sign-ins may fail.
	Attempts AttemptLimits
	// DeviceLifetime is how long a device is known after a sign-in.
	DeviceLifetime time.Duration
}

// Default returns the configuration that holds where an operator says nothing.
// Half of the processors stay free of password hashing.
func Default() Config {
	return Config{
		Argon2id:     Argon2id{MemoryKiB: 19 << 10, Time: 2, Threads: 1},
		HashingSlots: max(1, runtime.GOMAXPROCS(0)/2),
		HashingWait:  time.Second,
		Attempts: AttemptLimits{
			Device:  attempt.Limit{Attempts: 10, Window: 15 * time.Minute},
			Pair:    attempt.Limit{Attempts: 10, Window: 15 * time.Minute},
			Account: attempt.Limit{Attempts: 100, Window: 24 * time.Hour},
			Address: attempt.Limit{Attempts: 100, Window: time.Hour},
			Network: attempt.Limit{Attempts: 1000, Window: time.Hour},
			Delay:   time.Second, DelayFrom: 5,
		},
		DeviceLifetime: 180 * 24 * time.Hour,
	}
}

// Check returns every mistake in the configuration.
func (c Config) Check() error {
	a := c.Attempts
	var mistakes []error
	for _, rule := range []struct {
		ok   bool
		says string
	}{
		{c.Argon2id.Valid(), "argon2id: memory must be 8 KiB a thread to 1 GiB, time 1 to 64, threads at least 1"},
		{c.HashingSlots >= 1, "hashing_slots must be at least 1"},
		{c.HashingWait >= 0, "hashing_wait must not be negative"},
		{a.Device.Valid(), "attempts.device must be at least 1 within a positive window"},
		{a.Pair.Valid(), "attempts.pair must be at least 1 within a positive window"},
		{a.Account.Valid(), "attempts.account must be at least 1 within a positive window"},
		{a.Address.Valid(), "attempts.address must be at least 1 within a positive window"},
		{a.Network.Valid(), "attempts.network must be at least 1 within a positive window"},
		{a.Delay >= 0 && a.DelayFrom >= 0, "attempts.delay must not be negative"},
		{c.DeviceLifetime > 0, "device_lifetime must be positive"},
	} {
		if !rule.ok {
			mistakes = append(mistakes, errors.New(rule.says))
		}
	}
	return errors.Join(mistakes...)
}
