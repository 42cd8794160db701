package seal

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/chancery-auth/chancery/pkg/secret"
)

// ErrMalformed is returned for text that [Form.Encode] cannot have made.
var ErrMalformed = errors.New("malformed credential")

// MaxTextLength is the length in bytes of the longest text that
// [Form.Decode] accepts.
const MaxTextLength = 2048

// canonical refuses a last character with stray bits.
var canonical = base64.RawURLEncoding.Strict()

// Form is how sealed values of one kind look as text: the prefix, "_", the
// sealed bytes in unpadded base64url, and the [secret.Checksum] of everything
// before it. An empty prefix leaves out the "_" as well.
type Form struct{ Prefix string }

// Encode returns the text of sealed.
func (f Form) Encode(sealed []byte) string {
	text := f.lead() + base64.RawURLEncoding.EncodeToString(sealed)
	return text + secret.Checksum(text)
}

// Decode is the inverse of [Form.Encode], and accepts nothing that Encode would
// not have written exactly so. Fails with [ErrMalformed].
func (f Form) Decode(s string) ([]byte, error) {
	if len(s) > MaxTextLength {
		return nil, ErrMalformed
	}
	rest, ok := strings.CutPrefix(s, f.lead())
	if !ok || len(rest) <= secret.ChecksumLength {
		return nil, ErrMalformed
	}
	body := rest[:len(rest)-secret.ChecksumLength]
	// The decoder refuses all that is not of its alphabet, but skips these two
	// wherever they stand.
	if strings.IndexByte(body, '\r') >= 0 || strings.IndexByte(body, '\n') >= 0 {
		return nil, ErrMalformed
	}
	if split := len(s) - secret.ChecksumLength; secret.Checksum(s[:split]) != s[split:] {
		return nil, ErrMalformed
	}
	sealed, err := canonical.DecodeString(body)
	if err != nil {
		return nil, ErrMalformed
	}
	return sealed, nil
}

func (f Form) lead() string {
	if f.Prefix == "" {
		return ""
	}
	return f.Prefix + "_"
}
