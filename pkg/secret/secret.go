package secret

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
)

// Redacted stands for a secret in every formatted, logged or marshalled form.
const Redacted = "[redacted]"

// handleSize is the entropy of a handle, in bytes.
const handleSize = 32

// Secret is text that must not be shown. The zero value is the empty text.
// Secrets cannot be compared with ==; compare their digests.
//
// The text hides in a closure because fmt reads unexported fields without
// asking for their formatting methods: a struct that merely contains a Secret
// is safe to print too.
type Secret struct{ reveal func() string }

// Wrap makes a Secret of text that came from elsewhere, such as a request.
func Wrap(text string) Secret {
	return Secret{reveal: func() string { return text }}
}

// New returns a random secret: prefix, "_", 43 base62 characters that hold
// 256 bits, and the [Checksum] of everything before it. An empty prefix leaves
// out the "_" as well.
func New(prefix string) Secret {
	text := lead(prefix) + randomBase62(bodyLength)
	return Wrap(text + Checksum(text))
}

// NewHandle returns 256 random bits in 43 characters of base64url, without
// prefix or checksum: for cookies and request_uri values, which no secret
// scanner has to recognise.
func NewHandle() Secret {
	var random [handleSize]byte
	rand.Read(random[:])
	return Wrap(base64.RawURLEncoding.EncodeToString(random[:]))
}

// Reveal returns the text itself.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Digest returns what a store keeps in place of s.
func (s Secret) Digest() Digest { return DigestOf(s.Reveal()) }

// String implements fmt.Stringer with [Redacted].
func (s Secret) String() string { return Redacted }

// GoString implements fmt.GoStringer with [Redacted].
func (s Secret) GoString() string { return Redacted }

// Format implements fmt.Formatter with [Redacted], whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, Redacted) } //nolint:errcheck // fmt keeps the error of its own writer

// LogValue implements slog.LogValuer with [Redacted].
func (s Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalJSON implements json.Marshaler with [Redacted].
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalText implements encoding.TextMarshaler with [Redacted].
func (s Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
