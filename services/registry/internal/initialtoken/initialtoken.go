// Package initialtoken is the initial access tokens by which clients may
// register themselves where the provider does not let everybody (RFC 7591 §3).
//
// An operator makes one and hands it to whoever shall register clients; it is
// good for any number of them until it expires or is revoked. It is shown once,
// and kept as a digest. The one thing to get right is that a token which is
// unknown, expired or revoked is refused in one and the same way.
package initialtoken

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
)

const (
	// Max is how many good tokens there may be.
	Max = 100
	// DefaultLifetime is that of a token whose maker names none.
	DefaultLifetime = 30 * 24 * time.Hour
	// MaxLifetime is the longest that a maker may name.
	MaxLifetime = 365 * 24 * time.Hour

	// hintLength is the number of characters of a token that stay readable. They
	// belong to its checksum.
	hintLength = 4
)

// Token is one token, as it is kept.
type Token struct {
	ID     uuid.UUID
	Digest secret.Digest
	// Hint is the last four characters.
	Hint string
	// CreateTime and ExpireTime are of the database's clock.
	CreateTime time.Time
	ExpireTime time.Time
}

// New makes a token: what is kept of it, and what is shown.
func New(prefix string) (Token, secret.Secret) {
	shown := secret.New(prefix)
	text := shown.Reveal()
	return Token{ID: uuid.New(), Digest: shown.Digest(), Hint: text[len(text)-hintLength:]}, shown
}

var (
	// ErrNotFound is returned for a token that never was, has expired, or was
	// revoked.
	ErrNotFound = errors.New("initial access token not found")
	// ErrTooMany is returned while there are Max good tokens.
	ErrTooMany = errors.New("too many initial access tokens")
)

// Keeper is how operators see and change initial access tokens, and how a
// registration is let in. The fields do not change after the first call; it is
// safe for concurrent use.
type Keeper struct {
	Tokens *Store
	// Prefix is put before each token.
	Prefix string
}

// Create makes one more token, which cannot be shown again. A lifetime of zero is
// DefaultLifetime. Fails with fault.Invalid and fault.Exhausted.
func (k *Keeper) Create(ctx context.Context, lifetime time.Duration) (Token, secret.Secret, error) {
	if lifetime == 0 {
		lifetime = DefaultLifetime
	}
	if lifetime < time.Second || lifetime > MaxLifetime {
		return Token{}, secret.Secret{}, fault.New(fault.Invalid, "lifetime must be from 1 second to 365 days")
	}
	t, shown := New(k.Prefix)
	kept, err := k.Tokens.Create(ctx, t, lifetime)
	if err != nil {
		return Token{}, secret.Secret{}, refuse("create initial access token", err)
	}
	return kept, shown, nil
}

// List returns the good tokens, oldest first.
func (k *Keeper) List(ctx context.Context) ([]Token, error) {
	list, err := k.Tokens.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list initial access tokens: %w", err)
	}
	return list, nil
}

// Revoke ends one token. The clients that registered with it stay. Fails with
// fault.NotFound.
func (k *Keeper) Revoke(ctx context.Context, id uuid.UUID) error {
	if err := k.Tokens.Revoke(ctx, id); err != nil {
		return refuse("revoke initial access token", err)
	}
	return nil
}

// Check says whether a registration that presents the token may go on. Fails with
// invalid_token.
func (k *Keeper) Check(ctx context.Context, presented secret.Secret) error {
	if err := secret.Check(k.Prefix, presented.Reveal()); err != nil {
		return notGood(err)
	}
	_, err := k.Tokens.Find(ctx, presented.Digest())
	if errors.Is(err, ErrNotFound) {
		return notGood(err)
	}
	if err != nil {
		return fmt.Errorf("find initial access token: %w", err)
	}
	return nil
}

// notGood is the one answer to a token that does not let its holder in. The cause
// is for the log.
func notGood(cause error) error {
	return oauth.RefuseBecause(oauth.InvalidToken, "a good initial access token is needed", cause)
}

// refuse turns the sentinels of the store into what an operator is told.
func refuse(doing string, err error) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return fault.Because(fault.NotFound, "there is no such initial access token", err)
	case errors.Is(err, ErrTooMany):
		return fault.Because(fault.Exhausted, "there are 100 initial access tokens: revoke one first", err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
