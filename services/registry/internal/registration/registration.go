// Package registration is how clients register and manage themselves
// (RFC 7591, RFC 7592).
//
// What is special here is that nobody vouches for such a client: it describes
// itself, belongs to no workspace, and is shown to users as unverified until
// somebody has vetted it. Nothing that it names is ever fetched. The rules of every client are in package client;
// here are those of a registration. The one thing to get right is that whoever
// manages a client is its own: all that is wrong with a registration access token,
// or with the client it is presented for, is refused in one and the same way.
package registration

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken"
)

// Endpoint is the client registration endpoint (RFC 7591 §3) and the client
// configuration endpoint of every client (RFC 7592 §2). The fields do not change
// after the first call; it is safe for concurrent use.
type Endpoint struct {
	// Mode says who may register clients. While it is off, nobody may manage one
	// either.
	Mode      preset.RegistrationMode
	Registrar *client.Registrar
	Secrets   *clientsecret.Store
	Tokens    *initialtoken.Keeper
	// TokenPrefix is put before registration access tokens.
	TokenPrefix string
}

// Registered is a client that has just registered, and what it is told once.
type Registered struct {
	Client client.Client
	// Secret is empty for a client whose authentication method has none.
	Secret secret.Secret
	// Token is the registration access token.
	Token secret.Secret
}

// Presented is what a client manages itself by.
type Presented struct {
	ClientID string
	// Token is the registration access token.
	Token secret.Secret
}

// Update is a request to replace a client's metadata (RFC 7592 §2.2).
type Update struct {
	Metadata Metadata
	// ClientID and ClientSecret are members of the body, empty if they are not
	// there. The first one must be.
	ClientID     string
	ClientSecret secret.Secret
}

// Register registers a client. initial is empty if none was presented; one that is
// presented must be good, also where none is needed. Fails with invalid_token,
// invalid_redirect_uri, invalid_client_metadata, invalid_software_statement,
// temporarily_unavailable, and access_denied while registration is off.
func (e *Endpoint) Register(ctx context.Context, m Metadata, initial secret.Secret) (Registered, error) {
	if err := e.admit(ctx, initial); err != nil {
		return Registered{}, err
	}
	c, err := m.client(e.Registrar.Policy.Clients)
	if err != nil {
		return Registered{}, err
	}
	token := secret.New(e.TokenPrefix)
	c.RegistrationDigest = token.Digest()
	created, shown, err := e.Registrar.Register(ctx, c)
	if err != nil {
		return Registered{}, refuse("register client", err)
	}
	return Registered{Client: created, Secret: shown, Token: token}, nil
}

func (e *Endpoint) admit(ctx context.Context, initial secret.Secret) error {
	if err := e.offered(); err != nil {
		return err
	}
	if e.Mode == preset.RegistrationOpen && initial.Reveal() == "" {
		return nil
	}
	return e.Tokens.Check(ctx, initial)
}

func (e *Endpoint) offered() error {
	if e.Mode != preset.RegistrationToken && e.Mode != preset.RegistrationOpen {
		return oauth.Refuse(oauth.AccessDenied, "clients cannot register themselves here")
	}
	return nil
}

// Find returns the client to itself (RFC 7592 §2.1). Fails with invalid_token, and
// with access_denied while registration is off.
func (e *Endpoint) Find(ctx context.Context, p Presented) (client.Client, error) {
	if err := e.offered(); err != nil {
		return client.Client{}, err
	}
	if err := secret.Check(e.TokenPrefix, p.Token.Reveal()); err != nil {
		return client.Client{}, notItself(err)
	}
	c, err := e.Registrar.Find(ctx, p.ClientID)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return client.Client{}, fmt.Errorf("find registered client: %w", err)
	}
	// An unknown client has the zero digest, as has one that operators registered;
	// no text that anybody knows does.
	if !c.RegistrationDigest.Equal(p.Token.Digest()) {
		return client.Client{}, notItself(err)
	}
	return c, nil
}

// Replace replaces the metadata of the client; what is left out takes its default.
// A client whose authentication method has secrets gets a new one, which takes the
// place of all others. Fails as Find and Register do.
func (e *Endpoint) Replace(ctx context.Context, p Presented, u Update) (client.Client, secret.Secret, error) {
	old, err := e.Find(ctx, p)
	if err != nil {
		return client.Client{}, secret.Secret{}, err
	}
	if err := e.meant(ctx, old, u); err != nil {
		return client.Client{}, secret.Secret{}, err
	}
	// It cannot change, so that leaving it out asks for nothing.
	u.Metadata.ApplicationType = cmp.Or(u.Metadata.ApplicationType, string(old.ApplicationType))
	c, err := u.Metadata.client(e.Registrar.Policy.Clients)
	if err != nil {
		return client.Client{}, secret.Secret{}, err
	}
	c.ClientID, c.Revision = old.ClientID, old.Revision
	updated, shown, err := e.Registrar.Replace(ctx, c)
	if err != nil {
		return client.Client{}, secret.Secret{}, refuse("replace client", err)
	}
	return updated, shown, nil
}

// meant keeps an update that was written for another client, or before the last
// one, from being taken for one of this client (RFC 7592 §2.2).
func (e *Endpoint) meant(ctx context.Context, c client.Client, u Update) error {
	switch u.ClientID {
	case c.ClientID:
	case "":
		return oauth.Refuse(oauth.InvalidClientMetadata, "client_id is required")
	default:
		return oauth.Refuse(oauth.InvalidClientMetadata, "client_id must be the client's own")
	}
	if u.ClientSecret.Reveal() == "" {
		return nil
	}
	secrets, err := e.Secrets.List(ctx, c.ClientID)
	if err != nil && !errors.Is(err, clientsecret.ErrClientNotFound) {
		return fmt.Errorf("list client secrets: %w", err)
	}
	presented, found := u.ClientSecret.Digest(), false
	for _, s := range secrets {
		found = s.Digest.Equal(presented) || found
	}
	if !found {
		return oauth.RefuseBecause(oauth.InvalidClientMetadata, "client_secret must be the client's own", err)
	}
	return nil
}

// Delete removes the client (RFC 7592 §2.3), and with it every token and code of
// it. Fails as Find does.
func (e *Endpoint) Delete(ctx context.Context, p Presented) error {
	c, err := e.Find(ctx, p)
	if err != nil {
		return err
	}
	if err := e.Registrar.Delete(ctx, c.ClientID); err != nil {
		return refuse("delete client", err)
	}
	return nil
}
