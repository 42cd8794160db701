package registry

import (
	"context"

	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/registry/internal/logo"
)

// ListPublicClients implements RegistryService.
func (s *Service) ListPublicClients(ctx context.Context, req *registryv1.ListPublicClientsRequest) (*registryv1.ListPublicClientsResponse, error) {
	page, next, err := s.registrar.ListPublic(ctx, req.GetQuery(), int(req.GetPageSize()), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	return &registryv1.ListPublicClientsResponse{Clients: each(page, toClient), NextPageToken: next}, nil
}

// GetLogo implements RegistryService.
func (s *Service) GetLogo(ctx context.Context, req *registryv1.GetLogoRequest) (*registryv1.GetLogoResponse, error) {
	png, err := logo.Show(ctx, s.logos, req.GetLogoDigest())
	if err != nil {
		return nil, err
	}
	return &registryv1.GetLogoResponse{Png: png}, nil
}
