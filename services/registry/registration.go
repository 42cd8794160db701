package registry

import (
	"context"

	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/secret"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken"
	"github.com/chancery-auth/chancery/services/registry/internal/registration"
)

// registrationService implements registryv1.RegistrationServiceServer.
type registrationService struct {
	registryv1.UnimplementedRegistrationServiceServer

	endpoint *registration.Endpoint
}

func newRegistration(p preset.Preset, registrar *client.Registrar, secrets *clientsecret.Store, tokens *initialtoken.Keeper) *registrationService {
	return &registrationService{endpoint: &registration.Endpoint{
		Mode:        p.Registration.Mode,
		Registrar:   registrar,
		Secrets:     secrets,
		Tokens:      tokens,
		TokenPrefix: p.Prefixes.RegistrationToken,
	}}
}

// RegisterClient implements RegistrationService.
func (s *registrationService) RegisterClient(ctx context.Context, req *registryv1.RegisterClientRequest) (*registryv1.RegisterClientResponse, error) {
	registered, err := s.endpoint.Register(ctx, fromMetadata(req.GetMetadata()), secret.Wrap(req.GetInitialAccessToken()))
	if err != nil {
		return nil, err
	}
	return &registryv1.RegisterClientResponse{
		Client:                  toInformation(registered.Client),
		ClientSecret:            registered.Secret.Reveal(),
		RegistrationAccessToken: registered.Token.Reveal(),
	}, nil
}

// GetRegistration implements RegistrationService.
func (s *registrationService) GetRegistration(ctx context.Context, req *registryv1.GetRegistrationRequest) (*registryv1.GetRegistrationResponse, error) {
	c, err := s.endpoint.Find(ctx, presented(req))
	if err != nil {
		return nil, err
	}
	return &registryv1.GetRegistrationResponse{Client: toInformation(c)}, nil
}

// UpdateRegistration implements RegistrationService.
func (s *registrationService) UpdateRegistration(ctx context.Context, req *registryv1.UpdateRegistrationRequest) (*registryv1.UpdateRegistrationResponse, error) {
	c, shown, err := s.endpoint.Replace(ctx, presented(req), registration.Update{
		Metadata:     fromMetadata(req.GetMetadata()),
		ClientID:     req.GetBodyClientId(),
		ClientSecret: secret.Wrap(req.GetBodyClientSecret()),
	})
	if err != nil {
		return nil, err
	}
	return &registryv1.UpdateRegistrationResponse{Client: toInformation(c), ClientSecret: shown.Reveal()}, nil
}

// DeleteRegistration implements RegistrationService.
func (s *registrationService) DeleteRegistration(ctx context.Context, req *registryv1.DeleteRegistrationRequest) (*registryv1.DeleteRegistrationResponse, error) {
	if err := s.endpoint.Delete(ctx, presented(req)); err != nil {
		return nil, err
	}
	return &registryv1.DeleteRegistrationResponse{}, nil
}

// managing is a request to the client configuration endpoint.
type managing interface {
	GetClientId() string
	GetRegistrationAccessToken() string
}

func presented(req managing) registration.Presented {
	return registration.Presented{ClientID: req.GetClientId(), Token: secret.Wrap(req.GetRegistrationAccessToken())}
}

func fromMetadata(m *registryv1.ClientMetadata) registration.Metadata {
	return registration.Metadata{
		RedirectURIs:                       m.GetRedirectUris(),
		TokenEndpointAuthMethod:            m.GetTokenEndpointAuthMethod(),
		TokenEndpointAuthMethodsSupported:  m.GetTokenEndpointAuthMethodsSupported(),
		GrantTypes:                         m.GetGrantTypes(),
		ResponseTypes:                      m.GetResponseTypes(),
		ClientName:                         m.GetClientName(),
		ClientURI:                          m.GetClientUri(),
		LogoURI:                            m.GetLogoUri(),
		Scope:                              m.GetScope(),
		TosURI:                             m.GetTosUri(),
		PolicyURI:                          m.GetPolicyUri(),
		JWKS:                               m.GetJwks(),
		JWKSURI:                            m.GetJwksUri(),
		SoftwareStatement:                  m.GetSoftwareStatement(),
		ApplicationType:                    m.GetApplicationType(),
		IDTokenSignedResponseAlg:           m.GetIdTokenSignedResponseAlg(),
		RequirePushedAuthorizationRequests: m.GetRequirePushedAuthorizationRequests(),
		SubjectType:                        m.GetSubjectType(),
		SectorIdentifierURI:                m.GetSectorIdentifierUri(),
	}
}

func toInformation(c client.Client) *registryv1.ClientInformation {
	m := registration.MetadataOf(c)
	return &registryv1.ClientInformation{
		ClientId:         c.ClientID,
		ClientIdIssuedAt: c.CreateTime.Unix(),
		Metadata: &registryv1.ClientMetadata{
			RedirectUris:                       m.RedirectURIs,
			TokenEndpointAuthMethod:            m.TokenEndpointAuthMethod,
			GrantTypes:                         m.GrantTypes,
			ResponseTypes:                      m.ResponseTypes,
			ClientName:                         m.ClientName,
			ClientUri:                          m.ClientURI,
			LogoUri:                            m.LogoURI,
			Scope:                              m.Scope,
			TosUri:                             m.TosURI,
			PolicyUri:                          m.PolicyURI,
			Jwks:                               m.JWKS,
			ApplicationType:                    m.ApplicationType,
			IdTokenSignedResponseAlg:           m.IDTokenSignedResponseAlg,
			RequirePushedAuthorizationRequests: m.RequirePushedAuthorizationRequests,
			SubjectType:                        m.SubjectType,
		},
	}
}
