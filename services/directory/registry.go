package directory

import (
	"context"

	"github.com/google/uuid"

	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// registry implements workspace.Apps by the registry service.
type registry struct {
	client registryv1.RegistryServiceClient
}

// End implements workspace.Apps.
func (r registry) End(ctx context.Context, id uuid.UUID) error {
	_, err := r.client.DeleteWorkspaceClients(ctx, &registryv1.DeleteWorkspaceClientsRequest{WorkspaceId: id.String()})
	return err
}

// Count implements workspace.Apps.
func (r registry) Count(ctx context.Context, id uuid.UUID) (int64, error) {
	resp, err := r.client.CountWorkspaceClients(ctx, &registryv1.CountWorkspaceClientsRequest{WorkspaceId: id.String()})
	return resp.GetClients(), err
}
