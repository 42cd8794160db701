package credential

import (
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/seal"
)

// RefreshToken names a family of refresh tokens and one of its generations. The
// same values under the same key always give the same text.
type RefreshToken struct {
	FamilyID   uuid.UUID
	Generation int64
	// KeyID is of the sealing key.
	KeyID uint32
}

// refreshSize is the size of a payload: 16 bytes of family, 8 of generation.
const refreshSize = 16 + 8

// SealRefreshToken returns the token's text.
func (s *Sealer) SealRefreshToken(t RefreshToken) (string, error) {
	payload := make([]byte, 0, refreshSize)
	payload = append(payload, t.FamilyID[:]...)
	payload = binary.BigEndian.AppendUint64(payload, uint64(t.Generation)) //nolint:gosec // generations count from 0
	sealed, err := s.ring.SealDeterministic(seal.RefreshToken, t.KeyID, payload)
	if err != nil {
		return "", fmt.Errorf("seal refresh token: %w", err)
	}
	return s.refresh.Encode(sealed), nil
}

// OpenRefreshToken is the inverse of [Sealer.SealRefreshToken]. Fails with
// [ErrInvalid].
func (s *Sealer) OpenRefreshToken(text string) (RefreshToken, error) {
	sealed, err := s.refresh.Decode(text)
	if err != nil {
		return RefreshToken{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	payload, keyID, err := s.ring.OpenDeterministic(seal.RefreshToken, sealed)
	if err != nil {
		return RefreshToken{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(payload) != refreshSize {
		return RefreshToken{}, fmt.Errorf("%w: payload of %d bytes", ErrInvalid, len(payload))
	}
	t := RefreshToken{KeyID: keyID, Generation: int64(binary.BigEndian.Uint64(payload[16:]))} //nolint:gosec // as sealed
	copy(t.FamilyID[:], payload)
	return t, nil
}
