package jwks

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// ErrInvalidToken is returned for a token that is malformed, or that no key of
// the set signed in a way that is allowed.
var ErrInvalidToken = errors.New("invalid token")

// MaxTokenLength is the length in bytes of the longest JWS that is looked at.
const MaxTokenLength = 16 << 10

// header is what counts of a JOSE header. Whatever else it says, such as jwk,
// jku, x5c or x5u, has no influence on which key verifies.
type header struct {
	Alg Alg    `json:"alg"`
	KID string `json:"kid"`
	Typ Typ    `json:"typ"`
}

// token is a JWS in compact form, taken apart and not yet verified.
type token struct {
	header header
	text   string
}

// parse checks the form of a JWS before any cryptography (RFC 7515 §7.1).
// Fails with [ErrInvalidToken].
func parse(text string) (token, error) {
	if len(text) > MaxTokenLength {
		return token{}, invalid("longer than %d bytes", MaxTokenLength)
	}
	// Counted before anything is split: a million dots cost nothing. Five
	// parts would be a JWE, which is not accepted.
	if strings.Count(text, ".") != 2 {
		return token{}, invalid("not three parts")
	}
	// The decoder skips CR and LF: one signature would have many texts.
	if strings.ContainsAny(text, "\r\n") {
		return token{}, invalid("not base64url")
	}
	var first []byte
	for part := range strings.SplitSeq(text, ".") {
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			return token{}, invalid("not base64url")
		}
		if first == nil {
			first = decoded
		}
	}
	h, err := parseHeader(first)
	if err != nil {
		return token{}, err
	}
	return token{header: h, text: text}, nil
}

func parseHeader(encoded []byte) (header, error) {
	// Unlike the standard library's, this decoder refuses duplicate members,
	// and does not mistake "ALG" for "alg".
	var members map[string]json.RawMessage
	var h header
	if err := errors.Join(json.Unmarshal(encoded, &members), json.Unmarshal(encoded, &h)); err != nil {
		return header{}, invalid("malformed header")
	}
	// No extension is understood here (RFC 7515 §4.1.11), and zip and enc
	// belong to JWE: a compressed bomb is not unpacked.
	for _, name := range []string{"crit", "b64", "zip", "enc"} {
		if _, ok := members[name]; ok {
			return header{}, invalid("header %s is not supported", name)
		}
	}
	if !slices.Contains([]Alg{RS256, ES256, PS256}, h.Alg) {
		return header{}, invalid("alg is not supported")
	}
	return h, nil
}

// verify returns the payload if key made the signature. That alg is the one
// of the key has been checked.
func (t token) verify(key crypto.PublicKey) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(t.text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(t.header.Alg)})
	if err != nil {
		return nil, invalid("malformed")
	}
	payload, err := signed.Verify(key)
	if err != nil {
		return nil, invalid("signature does not match")
	}
	return payload, nil
}

// invalid is [ErrInvalidToken] with a reason, which shows nothing of the token.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalidToken, fmt.Sprintf(format, args...))
}
