package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrMalformed is returned for a stored hash that this package cannot have made.
var ErrMalformed = errors.New("malformed password hash")

// Params are the costs of argon2id (RFC 9106 §3.1). The zero value is not usable.
type Params struct {
	// MemoryKiB is the memory of one hash, in KiB: at least 8 for each thread.
	MemoryKiB uint32
	// Time is the number of passes over the memory, at least 1.
	Time uint32
	// Threads is the number of lanes, at least 1.
	Threads uint8
}

const (
	// maxMemoryKiB and maxTime bound what a stored hash can make a server spend.
	maxMemoryKiB = 1 << 20
	maxTime      = 64

	saltSize = 16
	keySize  = 32
)

// Valid reports whether hashes with these costs can be made and verified.
func (p Params) Valid() bool {
	return p.Threads >= 1 && p.Time >= 1 && p.Time <= maxTime &&
		p.MemoryKiB >= 8*uint32(p.Threads) && p.MemoryKiB <= maxMemoryKiB
}

// phc is a hash, whose text is in PHC string format.
type phc struct {
	params    Params
	salt, key []byte
}

const layout = "$argon2id$v=%d$m=%d,t=%d,p=%d$"

// String returns the form that parse reads.
func (h phc) String() string {
	return fmt.Sprintf(layout, argon2.Version, h.params.MemoryKiB, h.params.Time, h.params.Threads) +
		base64.RawStdEncoding.EncodeToString(h.salt) + "$" + base64.RawStdEncoding.EncodeToString(h.key)
}

// parse is strict: a hash has one spelling, and a size that is ours.
func parse(text string) (phc, error) {
	var (
		h       phc
		version int
	)
	parts := strings.Split(text, "$")
	if len(parts) != 6 {
		return phc{}, ErrMalformed
	}
	_, err := fmt.Sscanf(text, layout, &version, &h.params.MemoryKiB, &h.params.Time, &h.params.Threads)
	if err != nil {
		return phc{}, ErrMalformed
	}
	salt, saltErr := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	key, keyErr := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if saltErr != nil || keyErr != nil || len(salt) != saltSize || len(key) != keySize {
		return phc{}, ErrMalformed
	}
	h.salt, h.key = salt, key
	if !h.params.Valid() || h.String() != text {
		return phc{}, ErrMalformed
	}
	return h, nil
}
