package directory

import (
	"errors"
	"runtime"
	"time"

	"github.com/chancery-auth/chancery/services/directory/internal/password"
)

// Argon2id are the costs of a password hash (RFC 9106 §3.1).
type Argon2id = password.Params

// Config is what an operator decides. The zero value is not usable: start from
// [Default].
type Config struct {
	// Argon2id are the costs of new hashes. Raised, they apply to a user with the
	// next sign-in; until then that user's failures take a time of their own.
	Argon2id Argon2id
	// HashingSlots is how many passwords are hashed at once, in this process. It
	// bounds the memory that takes to that many times Argon2id.MemoryKiB. Attempts
	// beyond AttemptLimit slots could be refused while others of the same account
	// and address block succeed.
	HashingSlots int
	// HashingWait is how long a call waits for a slot before it is refused.
	HashingWait time.Duration
	// AttemptLimit is how many sign-ins to one account from one address block may
	// fail within AttemptWindow.
	AttemptLimit  int
	AttemptWindow time.Duration
}

// Default returns the configuration that holds where an operator says nothing.
// Half of the processors stay free of password hashing.
func Default() Config {
	return Config{
		Argon2id:      Argon2id{MemoryKiB: 19 << 10, Time: 2, Threads: 1},
		HashingSlots:  max(1, runtime.GOMAXPROCS(0)/2),
		HashingWait:   time.Second,
		AttemptLimit:  10,
		AttemptWindow: 15 * time.Minute,
	}
}

// Check returns every mistake in the configuration.
func (c Config) Check() error {
	var mistakes []error
	for _, rule := range []struct {
		ok   bool
		says string
	}{
		{c.Argon2id.Valid(), "argon2id: memory must be 8 KiB a thread to 1 GiB, time 1 to 64, threads at least 1"},
		{c.HashingSlots >= 1, "hashing_slots must be at least 1"},
		{c.HashingWait >= 0, "hashing_wait must not be negative"},
		{c.AttemptLimit >= 1, "attempt_limit must be at least 1"},
		{c.AttemptWindow > 0, "attempt_window must be positive"},
	} {
		if !rule.ok {
			mistakes = append(mistakes, errors.New(rule.says))
		}
	}
	return errors.Join(mistakes...)
}
