package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

// Registrar is how operators see and change clients. The fields do not change
// after the first call; it is safe for concurrent use.
type Registrar struct {
	Clients Store
	// Hints tells the other replicas of a restriction early. Nil tells nobody.
	Hints *coherent.Hints
	// Policy is what every client keeps.
	Policy Policy
	// SecretPrefix is put before client secrets.
	SecretPrefix string
}

// Create registers c. Its first secret is the empty one if the client's
// authentication method has none; it cannot be had a second time. Fails with
// fault.Invalid.
func (r *Registrar) Create(ctx context.Context, c Client) (Client, secret.Secret, error) {
	c = c.withDefaults(r.Policy.Scopes)
	if err := c.check(r.Policy); err != nil {
		return Client{}, secret.Secret{}, err
	}
	// Random, so that the id of a deleted client never comes back.
	c.ClientID = uuid.NewString()

	var (
		first *clientsecret.Secret
		shown secret.Secret
	)
	if clientsecret.UsedBy(c.TokenEndpointAuthMethod) {
		first, shown = clientsecret.New(r.SecretPrefix)
	}
	created, err := r.Clients.Create(ctx, c, first)
	if err != nil {
		return Client{}, secret.Secret{}, fmt.Errorf("create client: %w", err)
	}
	return created, shown, nil
}

// Find returns a client. Fails with fault.NotFound.
func (r *Registrar) Find(ctx context.Context, clientID string) (Client, error) {
	c, err := r.Clients.Find(ctx, clientID)
	if err != nil {
		return Client{}, refuse("find client", err)
	}
	return c, nil
}

// Update replaces the metadata of the client that c.ClientID names, if
// c.Revision is its current revision. When it returns, what the change
// restricts is committed. Fails with fault.NotFound, fault.Conflict and
// fault.Invalid.
func (r *Registrar) Update(ctx context.Context, c Client) (Client, error) {
	old, err := r.Clients.Find(ctx, c.ClientID)
	if err != nil {
		return Client{}, refuse("find client", err)
	}
	// Of a current revision, old is the row that the store's gate will find.
	if c.Revision != old.Revision {
		return Client{}, refuse("update client", ErrChanged)
	}
	c = c.asUpdateOf(old)
	if c.ApplicationType != old.ApplicationType {
		return Client{}, fault.New(fault.Invalid, "application_type cannot be changed")
	}
	if err := c.check(r.Policy); err != nil {
		return Client{}, err
	}
	updated, restrictions, err := r.Clients.Update(ctx, Change{
		Client:       c,
		ScopeShrinks: !old.Scope.SubsetOf(c.Scope),
		DropSecrets:  clientsecret.UsedBy(old.TokenEndpointAuthMethod) && !clientsecret.UsedBy(c.TokenEndpointAuthMethod),
	})
	if err != nil {
		return Client{}, refuse("update client", err)
	}
	r.Hints.Publish(ctx, restrictions...)
	return updated, nil
}

// Delete removes a client. When it returns, every token and code of it is
// dead: at the primary at once, elsewhere within the published bound. Fails with
// fault.NotFound.
func (r *Registrar) Delete(ctx context.Context, clientID string) error {
	restrictions, err := r.Clients.Delete(ctx, clientID)
	if err != nil {
		return refuse("delete client", err)
	}
	r.Hints.Publish(ctx, restrictions...)
	return nil
}

// refuse turns the sentinels of the store into what an operator is told.
func refuse(doing string, err error) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return fault.Because(fault.NotFound, "there is no such client", err)
	case errors.Is(err, ErrChanged):
		return fault.Because(fault.Conflict, "the client has changed since it was read: read it again", err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
