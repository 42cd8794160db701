package registry

import (
	"context"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/fault"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// DeleteWorkspaceClients implements RegistryService.
func (s *Service) DeleteWorkspaceClients(ctx context.Context, req *registryv1.DeleteWorkspaceClientsRequest) (*registryv1.DeleteWorkspaceClientsResponse, error) {
	id, err := workspaceOf(req)
	if err != nil {
		return nil, err
	}
	return &registryv1.DeleteWorkspaceClientsResponse{}, s.registrar.DeleteOwned(ctx, id)
}

// CountWorkspaceClients implements RegistryService.
func (s *Service) CountWorkspaceClients(ctx context.Context, req *registryv1.CountWorkspaceClientsRequest) (*registryv1.CountWorkspaceClientsResponse, error) {
	id, err := workspaceOf(req)
	if err != nil {
		return nil, err
	}
	n, err := s.registrar.CountOwned(ctx, id)
	if err != nil {
		return nil, err
	}
	return &registryv1.CountWorkspaceClientsResponse{Clients: int64(n)}, nil
}

// workspaceOf is the id in the one spelling that clients are stored with.
func workspaceOf(req interface{ GetWorkspaceId() string }) (string, error) {
	id, err := uuid.Parse(req.GetWorkspaceId())
	if err != nil {
		return "", fault.Because(fault.Invalid, "workspace_id must be a UUID", err)
	}
	return id.String(), nil
}
