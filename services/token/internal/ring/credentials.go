package ring

import (
	"context"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/seal"
)

// Primary is the id of the key that new credentials are sealed under.
func (r *Ring) Primary() uint32 { return r.current().sealer.Primary() }

// RestoreEpoch is the epoch that tokens are sealed with.
func (r *Ring) RestoreEpoch() int64 { return r.current().epoch }

// SealCode is [credential.Sealer.SealCode].
func (r *Ring) SealCode(c credential.AuthorizationCode) (string, error) {
	return r.current().sealer.SealCode(c)
}

// SealAccessToken is [credential.Sealer.SealAccessToken].
func (r *Ring) SealAccessToken(t credential.AccessToken) (string, error) {
	return r.current().sealer.SealAccessToken(t)
}

// Sign is [jwks.Set.Sign].
func (r *Ring) Sign(alg jwks.Alg, typ jwks.Typ, claims any) (string, error) {
	return r.current().signing.set.Sign(alg, typ, claims)
}

// SealRefreshToken is [credential.Sealer.SealRefreshToken]. Fails with
// [seal.ErrUnknownKey] if the key was retired.
func (r *Ring) SealRefreshToken(ctx context.Context, t credential.RefreshToken) (string, error) {
	return search(ctx, r, func(s *credential.Sealer) (string, error) { return s.SealRefreshToken(t) })
}

// OpenCode is [credential.Sealer.OpenCode], and refuses a code that was issued
// before the database was restored: a restored database has forgotten whether it
// was redeemed. Any error but [credential.ErrInvalid] means that nobody can say
// now.
func (r *Ring) OpenCode(ctx context.Context, text string) (credential.AuthorizationCode, error) {
	if err := r.freshen(ctx); err != nil {
		return credential.AuthorizationCode{}, err
	}
	c, err := search(ctx, r, func(s *credential.Sealer) (credential.AuthorizationCode, error) { return s.OpenCode(text) })
	if err != nil {
		return credential.AuthorizationCode{}, err
	}
	// The epoch is zero before the first restore, and the second after the last one
	// ever since.
	if epoch := r.RestoreEpoch(); epoch > 0 && c.IssueTime.Unix() < epoch {
		return credential.AuthorizationCode{}, fmt.Errorf("%w: issued before the database was restored", credential.ErrInvalid)
	}
	return c, nil
}

// OpenRefreshToken is [credential.Sealer.OpenRefreshToken]. Any error but
// [credential.ErrInvalid] means that nobody can say now.
func (r *Ring) OpenRefreshToken(ctx context.Context, text string) (credential.RefreshToken, error) {
	if err := r.freshen(ctx); err != nil {
		return credential.RefreshToken{}, err
	}
	return search(ctx, r, func(s *credential.Sealer) (credential.RefreshToken, error) { return s.OpenRefreshToken(text) })
}

// OpenAccessToken is [credential.Sealer.OpenAccessToken], for who is to end the
// token. Any error but [credential.ErrInvalid] means that nobody can say now.
func (r *Ring) OpenAccessToken(ctx context.Context, text string) (credential.AccessToken, error) {
	return search(ctx, r, func(s *credential.Sealer) (credential.AccessToken, error) { return s.OpenAccessToken(text) })
}

// search tries with the keys at hand, and once more with those of a new read if
// it takes one that is not among them: another replica may have been faster.
func search[T any](ctx context.Context, r *Ring, try func(*credential.Sealer) (T, error)) (T, error) {
	found, err := try(r.current().sealer)
	if !errors.Is(err, seal.ErrUnknownKey) {
		return found, err
	}
	if err := r.refreshFor(ctx); err != nil {
		return found, err
	}
	return try(r.current().sealer)
}
