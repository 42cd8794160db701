package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/chancery-auth/chancery/pkg/fault"
)

// KDF derives size bytes from a password. [Argon2id] is the one there is;
// another wraps it, to count.
type KDF func(password, salt []byte, p Params, size uint32) []byte

// Argon2id is RFC 9106 §3.
func Argon2id(password, salt []byte, p Params, size uint32) []byte {
	return argon2.IDKey(password, salt, p.Time, p.MemoryKiB, p.Threads, size)
}

// Options are those of a [Hasher].
type Options struct {
	// Params are the costs of new hashes. They must be valid.
	Params Params
	// Slots is how many hashes are computed at once, at least 1: together they
	// take Slots times the memory of one.
	Slots int
	// Wait is how long a call waits for a slot; zero is not at all.
	Wait time.Duration
	// Waited is told how long each call has waited by the clock Now, and whether it
	// got a slot. Nil: nobody is, and Now is not needed.
	Waited func(ctx context.Context, wait time.Duration, got bool)
	Now    func() time.Time
	// KDF computes the hashes.
	KDF KDF
}

// Hasher hashes passwords, a bounded number of them at once, which those who ask
// share fairly. It is safe for concurrent use.
type Hasher struct {
	o     Options
	slots *queue
	dummy string
}

// NewHasher returns a Hasher.
func NewHasher(o Options) *Hasher {
	// No password is known to have this key, and none will be found: nothing
	// was hashed to make it.
	dummy := phc{params: o.Params, salt: random(saltSize), key: random(keySize)}
	return &Hasher{o: o, slots: newQueue(o.Slots), dummy: dummy.String()}
}

// Dummy returns a hash that no password matches. Verifying against it costs
// what it costs for a real one.
func (h *Hasher) Dummy() string { return h.dummy }

// Acquire waits for a slot, which the caller releases. Address blocks take turns;
// calls of operators have the empty one. Fails with fault.Unavailable when none
// becomes free in time, or too many wait.
func (h *Hasher) Acquire(ctx context.Context, addressBlock string) (*Slot, error) {
	if h.o.Waited == nil {
		return h.acquire(ctx, addressBlock)
	}
	begin := h.o.Now()
	slot, err := h.acquire(ctx, addressBlock)
	h.o.Waited(ctx, h.o.Now().Sub(begin), err == nil)
	return slot, err
}

func (h *Hasher) acquire(ctx context.Context, addressBlock string) (*Slot, error) {
	w := h.slots.join(addressBlock)
	timer := time.NewTimer(h.o.Wait)
	defer timer.Stop()
	var ended error
	select {
	case <-w.given:
	case <-timer.C:
		ended = busy()
	case <-ctx.Done():
		ended = ctx.Err()
	}
	switch {
	case ended != nil && h.slots.leave(w):
		return nil, ended
	case w.refused:
		return nil, busy()
	default:
		return &Slot{h, w}, nil
	}
}

func busy() error {
	return fault.New(fault.Unavailable, "too many passwords are being checked at once; try again in a moment")
}

// Slot is the permission to compute one hash after another.
type Slot struct {
	h *Hasher
	w *waiter
}

// Release gives the slot back. It is called once.
func (s *Slot) Release() { s.h.slots.release(s.w) }

// Hash returns a new hash of the password, in PHC string format.
func (s *Slot) Hash(password string) string {
	p, salt := s.h.o.Params, random(saltSize)
	return phc{params: p, salt: salt, key: s.h.o.KDF(normal(password), salt, p, keySize)}.String()
}

// Verify reports whether the password has the hash. Its time depends on the
// costs in the hash and on the length of the password alone. Fails with
// ErrMalformed.
func (s *Slot) Verify(hash, password string) (bool, error) {
	h, err := parse(hash)
	if err != nil {
		return false, err
	}
	key := s.h.o.KDF(normal(password), h.salt, h.params, keySize)
	return subtle.ConstantTimeCompare(key, h.key) == 1, nil
}

// Outdated reports whether the hash has other costs than new ones have. A
// password with such a hash takes another time to verify than an unknown user's,
// so it is hashed anew when it is known.
func (h *Hasher) Outdated(hash string) bool {
	parsed, err := parse(hash)
	return err != nil || parsed.params != h.o.Params
}

func random(size int) []byte {
	b := make([]byte, size)
	rand.Read(b)
	return b
}
