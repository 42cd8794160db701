package registry

import (
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
	"github.com/chancery-auth/chancery/services/registry/internal/logo"
)

// fromClient takes what a caller may say of a client, and leaves the read-only
// fields out. Fails with fault.Invalid.
func fromClient(m *registryv1.Client) (client.Client, error) {
	c := client.Client{
		ClientName:                         m.GetClientName(),
		ApplicationType:                    oauth.ApplicationType(m.GetApplicationType()),
		TokenEndpointAuthMethod:            m.GetTokenEndpointAuthMethod(),
		TokenEndpointAuthMethodsSupported:  m.GetTokenEndpointAuthMethodsSupported(),
		RedirectURIs:                       m.GetRedirectUris(),
		GrantTypes:                         m.GetGrantTypes(),
		JWKS:                               m.GetJwks(),
		ClientURI:                          m.GetClientUri(),
		LogoURI:                            m.GetLogoUri(),
		PolicyURI:                          m.GetPolicyUri(),
		TosURI:                             m.GetTosUri(),
		RequirePKCE:                        m.GetRequirePkce(),
		PKCEUnsaid:                         m.RequirePkce == nil,
		RequirePushedAuthorizationRequests: m.GetRequirePushedAuthorizationRequests(),
		IDTokenSignedResponseAlg:           m.GetIdTokenSignedResponseAlg(),
		Audience:                           m.GetAudience(),
		RefreshRotation:                    m.GetRefreshRotation(),
		SkipConsent:                        m.GetSkipConsent(),
		Vetted:                             m.GetVetted() && !m.GetUnverified(),
		VettedUnsaid:                       m.Vetted == nil && !m.GetUnverified(),
		RequireRevocationAuth:              m.GetRequireRevocationAuth(),
		Description:                        m.GetDescription(),
		WorkspaceID:                        m.GetWorkspaceId(),
		Visibility:                         client.Visibility(m.GetVisibility()),
		ClientKind:                         m.GetClientKind(),
	}
	if err := scopesFrom(m, &c); err != nil {
		return client.Client{}, err
	}
	if err := lifetimesFrom(m, &c); err != nil {
		return client.Client{}, err
	}
	return c, nil
}

func scopesFrom(m *registryv1.Client, c *client.Client) (err error) {
	if c.Scope, err = parseScope("scope", m.GetScope()); err != nil {
		return err
	}
	c.DefaultScope, err = parseScope("default_scope", m.GetDefaultScope())
	return err
}

func parseScope(field, text string) (oauth.Scope, error) {
	if text == "" {
		return nil, nil
	}
	scope, err := oauth.ParseScope(text)
	if err != nil {
		// Without the cause, which would be the answer to a client.
		return nil, fault.New(fault.Invalid, field+" must be at most 200 scope names, separated by one space each")
	}
	return scope, nil
}

func lifetimesFrom(m *registryv1.Client, c *client.Client) (err error) {
	if c.AccessTokenLifetime, err = parseDuration("access_token_lifetime", m.GetAccessTokenLifetime()); err != nil {
		return err
	}
	if c.RefreshTokenLifetime, err = parseDuration("refresh_token_lifetime", m.GetRefreshTokenLifetime()); err != nil {
		return err
	}
	if c.RefreshGrace, err = parseOptional("refresh_grace", m.RefreshGrace); err != nil {
		return err
	}
	c.RefreshWindow, err = parseOptional("refresh_window", m.RefreshWindow)
	return err
}

// parseOptional reads an absent duration as nil.
func parseOptional(field string, d *durationpb.Duration) (*time.Duration, error) {
	if d == nil {
		return nil, nil //nolint:nilnil // nil is a value of its own: the client does not say
	}
	parsed, err := parseDuration(field, d)
	return &parsed, err
}

// parseDuration reads an absent duration as zero.
func parseDuration(field string, d *durationpb.Duration) (time.Duration, error) {
	if d == nil {
		return 0, nil
	}
	if err := d.CheckValid(); err != nil {
		return 0, fault.Because(fault.Invalid, field+" must be a duration", err)
	}
	return d.AsDuration(), nil
}

func toClient(c client.Client) *registryv1.Client {
	m := &registryv1.Client{
		ClientId:                           c.ClientID,
		ClientName:                         c.ClientName,
		ApplicationType:                    string(c.ApplicationType),
		TokenEndpointAuthMethod:            c.TokenEndpointAuthMethod,
		TokenEndpointAuthMethodsSupported:  c.TokenEndpointAuthMethodsSupported,
		RedirectUris:                       c.RedirectURIs,
		GrantTypes:                         c.GrantTypes,
		Scope:                              c.Scope.String(),
		DefaultScope:                       c.DefaultScope.String(),
		Jwks:                               c.JWKS,
		ClientUri:                          c.ClientURI,
		LogoUri:                            c.LogoURI,
		PolicyUri:                          c.PolicyURI,
		TosUri:                             c.TosURI,
		RequirePkce:                        &c.RequirePKCE,
		RequirePushedAuthorizationRequests: c.RequirePushedAuthorizationRequests,
		IdTokenSignedResponseAlg:           c.IDTokenSignedResponseAlg,
		Audience:                           c.Audience,
		AccessTokenLifetime:                durationpb.New(c.AccessTokenLifetime),
		RefreshTokenLifetime:               durationpb.New(c.RefreshTokenLifetime),
		RefreshRotation:                    c.RefreshRotation,
		SkipConsent:                        c.SkipConsent,
		Vetted:                             &c.Vetted,
		Unverified:                         !c.Vetted,
		RequireRevocationAuth:              c.RequireRevocationAuth,
		Description:                        c.Description,
		WorkspaceId:                        c.WorkspaceID,
		Visibility:                         string(c.Visibility),
		ClientKind:                         c.ClientKind,
		DynamicallyRegistered:              c.Registered(),
		LogoDigest:                         logo.Text(c.LogoDigest),
		Version:                            c.Version,
		ScopeVersion:                       c.ScopeVersion,
		Revision:                           c.Revision,
		CreateTime:                         timestamppb.New(c.CreateTime),
	}
	if c.RefreshGrace != nil {
		m.RefreshGrace = durationpb.New(*c.RefreshGrace)
	}
	if c.RefreshWindow != nil {
		m.RefreshWindow = durationpb.New(*c.RefreshWindow)
	}
	if !c.LastUseTime.IsZero() {
		m.LastUseTime = timestamppb.New(c.LastUseTime)
	}
	return m
}

func toSecret(s clientsecret.Secret) *registryv1.Secret {
	m := &registryv1.Secret{SecretId: s.ID.String(), Hint: s.Hint, CreateTime: timestamppb.New(s.CreateTime)}
	if !s.LastUseTime.IsZero() {
		m.LastUseTime = timestamppb.New(s.LastUseTime)
	}
	return m
}

// idText is empty for no id.
func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

func toScopes(catalogue preset.Catalogue) *registryv1.ListScopesResponse {
	return &registryv1.ListScopesResponse{Scopes: each(catalogue, toScope)}
}

func toScope(s preset.Scope) *registryv1.ScopeDescription {
	m := &registryv1.ScopeDescription{
		Name:        s.Name,
		Description: s.Description,
		Group:       s.Group,
		Kind:        toKind(s.Kind),
		Sensitive:   s.Sensitive,
		Detail:      s.Detail,
	}
	if s.Kind == preset.Workspace || s.Kind == preset.Project {
		m.Level = s.Level.String()
	}
	return m
}

func toKind(k preset.Kind) registryv1.ScopeDescription_Kind {
	switch k {
	case preset.Identity:
		return registryv1.ScopeDescription_KIND_IDENTITY
	case preset.API:
		return registryv1.ScopeDescription_KIND_API
	case preset.Workspace:
		return registryv1.ScopeDescription_KIND_WORKSPACE
	case preset.Project:
		return registryv1.ScopeDescription_KIND_PROJECT
	case preset.Client:
		return registryv1.ScopeDescription_KIND_CLIENT
	default:
		return registryv1.ScopeDescription_KIND_UNSPECIFIED
	}
}

func each[From, To any](list []From, convert func(From) To) []To {
	converted := make([]To, len(list))
	for i, from := range list {
		converted[i] = convert(from)
	}
	return converted
}
