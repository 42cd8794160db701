// Package clientsecret is the secrets by which clients authenticate
// (RFC 6749 §2.3.1). A client has several at once, so that one can be replaced
// without an outage; each is shown once, and kept as a digest.
package clientsecret

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
)

// Max is how many secrets a client may have. Authentication compares with so
// many, so it is not a knob.
const Max = 10

// hintLength is the number of characters of a secret that stay readable. They
// belong to its checksum.
const hintLength = 4

// Secret is one secret of a client, as it is kept.
type Secret struct {
	ID     uuid.UUID
	Digest secret.Digest
	// Hint is the last four characters.
	Hint       string
	CreateTime time.Time
	// LastUseTime is accurate to an hour; zero while it was never used.
	LastUseTime time.Time
}

// New makes a secret: what is kept of it, and what is shown.
func New(prefix string) (*Secret, secret.Secret) {
	shown := secret.New(prefix)
	text := shown.Reveal()
	return &Secret{ID: uuid.New(), Digest: shown.Digest(), Hint: text[len(text)-hintLength:]}, shown
}

// UsedBy reports whether clients that authenticate by one of the methods have
// secrets.
func UsedBy(methods ...string) bool {
	return slices.Contains(methods, oauth.AuthClientSecretBasic) || slices.Contains(methods, oauth.AuthClientSecretPost)
}

var (
	// ErrClientNotFound is returned for a client that never was, or was deleted.
	ErrClientNotFound = errors.New("client of secret not found")
	// ErrNotFound is returned for a secret that the client does not have.
	ErrNotFound = errors.New("client secret not found")
	// ErrUnused is returned for a client whose authentication methods have no
	// secret.
	ErrUnused = errors.New("client uses no secret")
	// ErrTooMany is returned for a client that has Max secrets.
	ErrTooMany = errors.New("client has too many secrets")
)

// Admit says whether a client of the authentication methods, with so many
// secrets, may have one more. Fails with ErrUnused, ErrTooMany.
func Admit(methods []string, have int) error {
	switch {
	case !UsedBy(methods...):
		return ErrUnused
	case have >= Max:
		return ErrTooMany
	}
	return nil
}

// Keeper is how operators see and change the secrets of a client. It is safe
// for concurrent use.
type Keeper struct {
	Secrets *Store
	// Hints tells the other replicas of a revocation early. Nil tells nobody.
	Hints *coherent.Hints
	// Prefix is put before each secret.
	Prefix string
}

// Create gives the client one more secret, which cannot be shown again. Fails
// with fault.NotFound, fault.Invalid and fault.Exhausted.
func (k *Keeper) Create(ctx context.Context, clientID string) (uuid.UUID, secret.Secret, error) {
	kept, shown := New(k.Prefix)
	if err := k.Secrets.Create(ctx, clientID, *kept); err != nil {
		return uuid.Nil, secret.Secret{}, refuse("create client secret", err)
	}
	return kept.ID, shown, nil
}

// List returns the client's secrets, oldest first. Fails with fault.NotFound.
func (k *Keeper) List(ctx context.Context, clientID string) ([]Secret, error) {
	list, err := k.Secrets.List(ctx, clientID)
	if err != nil {
		return nil, refuse("list client secrets", err)
	}
	return list, nil
}

// Revoke ends one secret of the client. Fails with fault.NotFound.
func (k *Keeper) Revoke(ctx context.Context, clientID string, id uuid.UUID) error {
	restrictions, err := k.Secrets.Revoke(ctx, clientID, id)
	if err != nil {
		return refuse("revoke client secret", err)
	}
	k.Hints.Publish(ctx, restrictions...)
	return nil
}

// refuse turns the sentinels of the store into what an operator is told.
func refuse(doing string, err error) error {
	switch {
	case errors.Is(err, ErrClientNotFound):
		return fault.Because(fault.NotFound, "there is no such client", err)
	case errors.Is(err, ErrNotFound):
		return fault.Because(fault.NotFound, "the client has no such secret", err)
	case errors.Is(err, ErrUnused):
		return fault.Because(fault.Invalid, "the client's token_endpoint_auth_method has no secret", err)
	case errors.Is(err, ErrTooMany):
		return fault.Because(fault.Exhausted, "the client has 10 secrets: revoke one first", err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
