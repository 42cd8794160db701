// Package credential is what Chancery's sealed credentials hold, and how they
// become text: access tokens, authorization codes and refresh tokens.
//
// Nothing sealed here is stored. Who can open a credential learns what it
// permitted when it was made; whether it still does is for the restrictions to
// say (package coherent).
package credential

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/seal"
)

var (
	// ErrInvalid is returned for text that is no credential of the asked kind, from
	// this issuer, under a key in use.
	ErrInvalid = errors.New("not a valid credential")
	// ErrTooLong is returned for what would not open again: its text is longer than
	// [seal.MaxTextLength].
	ErrTooLong = errors.New("credential would be too long")
)

// Sealer seals and opens credentials. It is immutable and safe for concurrent use.
type Sealer struct {
	ring                  *seal.Ring
	access, code, refresh seal.Form
}

// NewSealer returns a Sealer for the keys of ring.
func NewSealer(ring *seal.Ring, p preset.Prefixes) *Sealer {
	return &Sealer{
		ring:    ring,
		access:  seal.Form{Prefix: p.AccessToken},
		code:    seal.Form{Prefix: p.Code},
		refresh: seal.Form{Prefix: p.RefreshToken},
	}
}

// Primary is the id of the key that new credentials are sealed under.
func (s *Sealer) Primary() uint32 { return s.ring.Primary() }

// sealMessage returns the text of a payload, which is another one each time.
func (s *Sealer) sealMessage(kind seal.Kind, form seal.Form, m proto.Message) (string, error) {
	payload, err := proto.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("marshal %s: %w", kind, err)
	}
	sealed, err := s.ring.Seal(kind, payload)
	if err != nil {
		return "", fmt.Errorf("seal %s: %w", kind, err)
	}
	text := form.Encode(sealed)
	if len(text) > seal.MaxTextLength {
		return "", fmt.Errorf("seal %s: %w", kind, ErrTooLong)
	}
	return text, nil
}

// openMessage is the inverse of sealMessage, from the text form. It returns the
// sealed bytes and the id of their key too.
func (s *Sealer) openMessage(kind seal.Kind, form seal.Form, text string, into proto.Message) (sealed []byte, keyID uint32, err error) {
	if sealed, err = form.Decode(text); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	payload, keyID, err := s.ring.Open(kind, sealed)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := proto.Unmarshal(payload, into); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return sealed, keyID, nil
}
