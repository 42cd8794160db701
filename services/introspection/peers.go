package introspection

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/seal"
	"github.com/chancery-auth/chancery/pkg/secret"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/introspection/internal/accesstoken"
	"github.com/chancery-auth/chancery/services/introspection/internal/address"
	"github.com/chancery-auth/chancery/services/introspection/internal/caller"
	"github.com/chancery-auth/chancery/services/introspection/internal/claims"
	"github.com/chancery-auth/chancery/services/introspection/internal/resourceset"
)

// fetchKeys reads the key set from the token service.
func fetchKeys(cfg Config, client tokenv1.TokenServiceClient) accesstoken.Fetch {
	return func(ctx context.Context) (*credential.Sealer, error) {
		resp, err := client.GetKeySet(ctx, &tokenv1.GetKeySetRequest{})
		if err != nil {
			return nil, fmt.Errorf("get key set: %w", err)
		}
		keys := make([]seal.Key, len(resp.GetKeys()))
		for i, k := range resp.GetKeys() {
			keys[i].ID = k.GetKeyId()
			if copy(keys[i].Root[:], k.GetRoot()) != len(k.GetRoot()) || len(k.GetRoot()) != len(keys[i].Root) {
				return nil, fmt.Errorf("root of sealing key %08x has %d bytes", k.GetKeyId(), len(k.GetRoot()))
			}
		}
		ring, err := seal.NewRing(cfg.Issuer, resp.GetPrimaryKeyId(), keys...)
		if err != nil {
			return nil, err
		}
		return credential.NewSealer(ring, cfg.Prefixes), nil
	}
}

// fetchResources reads a set of resources from the token service.
func fetchResources(client tokenv1.TokenServiceClient) resourceset.Fetch {
	return func(ctx context.Context, digest resourceset.Digest) ([]byte, error) {
		resp, err := client.GetResources(ctx, &tokenv1.GetResourcesRequest{Digest: digest[:]})
		if err != nil {
			return nil, fmt.Errorf("get resources: %w", err)
		}
		return resp.GetResources(), nil
	}
}

// authenticate asks the registry. Its refusals are the answer.
func authenticate(client registryv1.RegistryServiceClient) caller.Authenticate {
	return func(ctx context.Context, p caller.Presented) (caller.Caller, error) {
		resp, err := client.AuthenticateClient(ctx, &registryv1.AuthenticateClientRequest{
			ClientId: p.ClientID, Method: p.Method, ClientSecret: p.Secret.Reveal(), ClientAssertion: p.Assertion,
		})
		if err != nil {
			return caller.Caller{}, fmt.Errorf("authenticate client: %w", err)
		}
		return toCaller(resp)
	}
}

// findClient reads the client that an access token was issued to.
func findClient(client registryv1.RegistryServiceClient) caller.Find {
	return func(ctx context.Context, clientID string) (caller.Caller, error) {
		resp, err := client.GetClient(ctx, &registryv1.GetClientRequest{ClientId: clientID})
		switch {
		case errors.Is(err, fault.NotFound):
			return caller.Caller{}, oauth.RefuseBecause(oauth.InvalidToken, "access token is not active", err)
		case err != nil:
			return caller.Caller{}, forOutside(fmt.Errorf("get client: %w", err))
		}
		return fromClient(resp.GetClient()), nil
	}
}

// forOutside keeps what was said to a service from those who call it: an
// operator would be told more than the holder of a token.
func forOutside(err error) error {
	var refusal *fault.Error
	if errors.As(err, &refusal) {
		return oauth.RefuseBecause(oauth.TemporarilyUnavailable, "try again later", err)
	}
	return err
}

func fromClient(c *registryv1.Client) caller.Caller {
	return caller.Caller{
		ClientID:     c.GetClientId(),
		Version:      c.GetVersion(),
		ScopeVersion: c.GetScopeVersion(),
		Scope:        oauth.Scope(strings.Fields(c.GetScope())),
		Audience:     c.GetAudience(),
	}
}

func toCaller(resp *registryv1.AuthenticateClientResponse) (caller.Caller, error) {
	asker := fromClient(resp.GetClient())
	if resp.GetSecretId() == "" {
		return asker, nil
	}
	id, err := uuid.Parse(resp.GetSecretId())
	if err != nil {
		return caller.Caller{}, fmt.Errorf("parse secret id: %w", err)
	}
	asker.SecretID = id
	return asker, nil
}

// fromPresented converts what clientauth sorted out.
func fromPresented(p *registryv1.AuthenticateClientRequest) caller.Presented {
	return caller.Presented{
		ClientID: p.GetClientId(), Method: p.GetMethod(),
		Secret: secret.Wrap(p.GetClientSecret()), Assertion: p.GetClientAssertion(),
	}
}

// fetchSlug reads the slug of a workspace from the directory, which may be the
// platform's own.
func fetchSlug(client directoryv1.DirectoryServiceClient) address.Fetch {
	return func(ctx context.Context, workspace uuid.UUID) (string, error) {
		resp, err := client.BatchGetWorkspaces(ctx, &directoryv1.BatchGetWorkspacesRequest{WorkspaceIds: []string{workspace.String()}})
		if err != nil {
			return "", forOutside(fmt.Errorf("get workspace: %w", err))
		}
		for _, w := range resp.GetWorkspaces() {
			if w.GetWorkspaceId() == workspace.String() && w.GetSlug() != "" {
				return w.GetSlug(), nil
			}
		}
		return "", address.ErrNotFound
	}
}

// findSubject reads a subject from the directory, which may be the platform's
// own.
func findSubject(client directoryv1.DirectoryServiceClient) claims.Find {
	return func(ctx context.Context, sub string) (claims.Subject, error) {
		resp, err := client.GetSubject(ctx, &directoryv1.GetSubjectRequest{Sub: sub})
		switch {
		case errors.Is(err, fault.NotFound):
			return claims.Subject{}, fmt.Errorf("%w: %w", claims.ErrNotFound, err)
		case err != nil:
			return claims.Subject{}, forOutside(fmt.Errorf("get subject: %w", err))
		}
		s := resp.GetSubject()
		return claims.Subject{Disabled: s.GetDisabled(), Version: s.GetVersion(), Claims: s.GetClaims().AsMap()}, nil
	}
}
