// Package authentication decides whether a request comes from the client that
// it names (RFC 6749 §2.3).
//
// It reads the primary: a client or secret that is gone is gone at once. The
// one thing to get right is that all failures look alike, in words and in work:
// whoever guesses must not learn which clients exist, nor how close a guess was.
package authentication

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

// rememberMargin is added to the life of an assertion before its use may be
// forgotten: the clocks of the replicas and of the database differ.
const rememberMargin = 5 * time.Minute

// Presented is what a request shows.
type Presented struct {
	ClientID string
	// Method is the token_endpoint_auth_method by which it is shown.
	Method string
	// Secret is empty unless the method has one.
	Secret secret.Secret
	// Assertion is a JWS (RFC 7523 §2.2), empty unless the method has one.
	Assertion string
}

// Authenticated is a client that proved who it is, as far as its method can.
type Authenticated struct {
	Client client.Client
	// SecretID is of the secret that was presented; uuid.Nil for other methods.
	SecretID uuid.UUID
}

// Clients reads what clients authenticate by: a *client.Store.
type Clients interface {
	// FindCredentials reads a client with its secrets from the primary, in one
	// statement. Fails with client.ErrNotFound.
	FindCredentials(ctx context.Context, clientID string) (client.Credentials, error)
	// NoteUse sets the last use of the client to now if it is more than an hour
	// ago, and leaves its revision as it is. A client that is gone is none of its
	// concern.
	NoteUse(ctx context.Context, clientID string) error
}

// Authenticator authenticates clients. The fields do not change after the first
// call; it is safe for concurrent use.
type Authenticator struct {
	Clients    Clients
	Secrets    *clientsecret.Store
	Assertions *assertion.Store
	// Issuer is the one audience of assertions.
	Issuer string
	Now    func() time.Time
}

// Authenticate returns the client that p proves to be. Fails with
// invalid_client, for whatever reason, or invalid_request.
func (a *Authenticator) Authenticate(ctx context.Context, p Presented) (Authenticated, error) {
	if p.Secret.Reveal() != "" && p.Assertion != "" {
		// RFC 6749 §2.3.
		return Authenticated{}, oauth.Refuse(oauth.InvalidRequest, "client authenticates with more than one method")
	}
	record, err := a.Clients.FindCredentials(ctx, p.ClientID)
	if errors.Is(err, client.ErrNotFound) {
		// An empty record goes the same way as any other, and is refused there.
		record, err = client.Credentials{}, nil
	}
	if err != nil {
		return Authenticated{}, fmt.Errorf("find client: %w", err)
	}
	// Compared whatever the method, so that the work is the same for all.
	used := matching(record.Secrets, p.Secret.Digest())
	// The method must be one of the registration (OIDC Registration §2), which an
	// unknown client does not have.
	if record.Client.ClientID == "" || !registeredFor(record.Client.AuthMethods(), p.Method) {
		return Authenticated{}, refused(errors.New("client is unknown, or registered for other methods"))
	}
	switch p.Method {
	case oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost, clientauth.MethodSecret:
		err = a.acceptSecret(ctx, used)
	case oauth.AuthPrivateKeyJWT:
		err = a.acceptAssertion(ctx, record.Client, p.Assertion)
	default:
		err = acceptNone(p)
	}
	if err != nil {
		return Authenticated{}, err
	}
	if err := a.noteUse(ctx, record); err != nil {
		return Authenticated{}, err
	}
	return Authenticated{Client: record.Client, SecretID: used.ID}, nil
}

// noteUse is once an hour for each client: by it an operator, or a developer,
// decides which client can go, so that it is no less a part of the answer than
// reading the client.
func (a *Authenticator) noteUse(ctx context.Context, record client.Credentials) error {
	if !record.NoteUse {
		return nil
	}
	if err := a.Clients.NoteUse(ctx, record.Client.ClientID); err != nil {
		return fmt.Errorf("note use of client: %w", err)
	}
	return nil
}

// registeredFor reports whether a client with the registered methods may present
// what it does. Over gRPC a secret is neither in a header nor in a form, so that
// either secret method will do.
func registeredFor(registered []string, presented string) bool {
	if presented == clientauth.MethodSecret {
		return clientsecret.UsedBy(registered...)
	}
	return slices.Contains(registered, presented)
}

// refused is the one answer to whoever is not who they claim to be. The cause
// is for the log.
func refused(cause error) error {
	return oauth.RefuseBecause(oauth.InvalidClient, "client authentication failed", cause)
}

// refusedClaims is for whoever has signed with the client's own key: only they
// are told what an assertion must say (RFC 7523 §3).
func refusedClaims(cause error) error {
	return oauth.RefuseBecause(oauth.InvalidClient,
		"client_assertion needs client_id as iss and sub, the issuer alone as aud, a jti, and an exp at most 5 minutes ahead", cause)
}

// matching returns the secret whose digest is presented, or the zero Secret. It
// compares with clientsecret.Max digests, each in constant time, however many
// there are and wherever the match is: an unknown client costs the same as a
// wrong secret.
func matching(secrets []client.Secret, presented secret.Digest) client.Secret {
	var found client.Secret
	for _, s := range padded(secrets) {
		// No text that anybody knows has the zero digest.
		if s.Digest.Equal(presented) {
			found = s
		}
	}
	return found
}

// padded fills up with secrets that nobody has.
func padded(secrets []client.Secret) (all [clientsecret.Max]client.Secret) {
	copy(all[:], secrets)
	return all
}

func (a *Authenticator) acceptSecret(ctx context.Context, used client.Secret) error {
	if used.ID == uuid.Nil {
		return refused(errors.New("secret is none of the client's"))
	}
	if !used.NoteUse {
		return nil
	}
	// Once an hour for each secret. An operator decides by it which secret can
	// go, so that it is no less a part of the answer than reading the client.
	if err := a.Secrets.NoteUse(ctx, used.ID); err != nil {
		return fmt.Errorf("note use of client secret: %w", err)
	}
	return nil
}

func acceptNone(p Presented) error {
	if p.Secret.Reveal() != "" || p.Assertion != "" {
		return refused(errors.New("client without credentials presents some"))
	}
	return nil
}

// acceptAssertion is RFC 7523 §3. The use is remembered last, so that nothing
// but a valid assertion leaves a trace.
func (a *Authenticator) acceptAssertion(ctx context.Context, c client.Client, token string) error {
	claims, err := a.verify(c, token)
	if errors.Is(err, jwks.ErrInvalidAssertion) {
		return refusedClaims(err)
	}
	if err != nil {
		return refused(err)
	}
	err = a.Assertions.Add(ctx, assertion.Use{
		ClientID:   c.ClientID,
		JTI:        secret.DigestOf(claims.JTI),
		ExpireTime: claims.ExpireTime.Add(rememberMargin),
	})
	if errors.Is(err, assertion.ErrUsed) {
		return refused(err)
	}
	if err != nil {
		return fmt.Errorf("remember client assertion: %w", err)
	}
	return nil
}

func (a *Authenticator) verify(c client.Client, token string) (jwks.AssertionClaims, error) {
	keys, err := jwks.ParsePublicSet([]byte(c.JWKS))
	if err != nil {
		return jwks.AssertionClaims{}, fmt.Errorf("parse jwks: %w", err)
	}
	// Each key is registered for one algorithm, and serves for no other.
	payload, err := keys.VerifyAssertion(token, []jwks.Alg{jwks.ES256, jwks.RS256, jwks.PS256})
	if err != nil {
		return jwks.AssertionClaims{}, fmt.Errorf("verify client assertion: %w", err)
	}
	claims, err := jwks.ParseAssertionClaims(payload)
	if err != nil {
		return jwks.AssertionClaims{}, fmt.Errorf("parse client assertion: %w", err)
	}
	if err := claims.Check(c.ClientID, a.Issuer, a.Now()); err != nil {
		return jwks.AssertionClaims{}, fmt.Errorf("check client assertion: %w", err)
	}
	return claims, nil
}
