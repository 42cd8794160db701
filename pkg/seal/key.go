package seal

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"

	"github.com/chancery-auth/chancery/pkg/secret"
)

// Key is one generation of sealing keys. The keys of every kind derive from
// its root. It shows its id only, however it is formatted.
type Key struct {
	// ID stands in clear in every value sealed under the key. Never 0.
	ID uint32
	// Root is 256 uniformly random bits. It is kept encrypted at rest.
	Root [32]byte
}

// NewKey returns a random key.
func NewKey() Key {
	var k Key
	rand.Read(k.Root[:])
	for k.ID == 0 {
		var id [4]byte
		rand.Read(id[:])
		k.ID = binary.BigEndian.Uint32(id[:])
	}
	return k
}

// String implements fmt.Stringer without the root.
func (k Key) String() string { return fmt.Sprintf("sealing key %08x %s", k.ID, secret.Redacted) }

// GoString implements fmt.GoStringer without the root.
func (k Key) GoString() string { return k.String() }

// Format implements fmt.Formatter without the root, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// LogValue implements slog.LogValuer without the root.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText implements encoding.TextMarshaler without the root, and thereby
// serves encoding/json as well.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
