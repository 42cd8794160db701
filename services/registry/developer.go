package registry

import (
	"context"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/fault"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/registry/internal/app"
)

// developer implements registryv1.DeveloperServiceServer.
type developer struct {
	registryv1.UnimplementedDeveloperServiceServer

	desk *app.Desk
}

// ListApps implements DeveloperService.
func (d *developer) ListApps(ctx context.Context, req *registryv1.ListAppsRequest) (*registryv1.ListAppsResponse, error) {
	workspaces, err := d.desk.List(ctx, req.GetSub())
	if err != nil {
		return nil, err
	}
	return &registryv1.ListAppsResponse{Workspaces: each(workspaces, toAppWorkspace)}, nil
}

func toAppWorkspace(w app.Workspace) *registryv1.AppWorkspace {
	return &registryv1.AppWorkspace{WorkspaceId: w.ID, Name: w.Name, Apps: each(w.Apps, toClient)}
}

// GetApp implements DeveloperService.
func (d *developer) GetApp(ctx context.Context, req *registryv1.GetAppRequest) (*registryv1.GetAppResponse, error) {
	found, err := d.desk.Find(ctx, req.GetSub(), req.GetClientId())
	if err != nil {
		return nil, err
	}
	return &registryv1.GetAppResponse{
		App:           toClient(found.Client),
		WorkspaceName: found.WorkspaceName,
		Secrets:       each(found.Secrets, toSecret),
	}, nil
}

// CreateApp implements DeveloperService.
func (d *developer) CreateApp(ctx context.Context, req *registryv1.CreateAppRequest) (*registryv1.CreateAppResponse, error) {
	c, err := fromClient(req.GetApp())
	if err != nil {
		return nil, err
	}
	c.WorkspaceID = req.GetWorkspaceId()
	created, shown, err := d.desk.Create(ctx, req.GetSub(), c)
	if err != nil {
		return nil, err
	}
	return &registryv1.CreateAppResponse{App: toClient(created), ClientSecret: shown.Reveal()}, nil
}

// UpdateApp implements DeveloperService.
func (d *developer) UpdateApp(ctx context.Context, req *registryv1.UpdateAppRequest) (*registryv1.UpdateAppResponse, error) {
	c, err := fromClient(req.GetApp())
	if err != nil {
		return nil, err
	}
	c.ClientID, c.Revision = req.GetApp().GetClientId(), req.GetApp().GetRevision()
	updated, err := d.desk.Update(ctx, req.GetSub(), c)
	if err != nil {
		return nil, err
	}
	return &registryv1.UpdateAppResponse{App: toClient(updated)}, nil
}

// DeleteApp implements DeveloperService.
func (d *developer) DeleteApp(ctx context.Context, req *registryv1.DeleteAppRequest) (*registryv1.DeleteAppResponse, error) {
	if err := d.desk.Delete(ctx, req.GetSub(), req.GetClientId()); err != nil {
		return nil, err
	}
	return &registryv1.DeleteAppResponse{}, nil
}

// CreateAppSecret implements DeveloperService.
func (d *developer) CreateAppSecret(ctx context.Context, req *registryv1.CreateAppSecretRequest) (*registryv1.CreateAppSecretResponse, error) {
	id, shown, err := d.desk.CreateSecret(ctx, req.GetSub(), req.GetClientId())
	if err != nil {
		return nil, err
	}
	return &registryv1.CreateAppSecretResponse{SecretId: id.String(), ClientSecret: shown.Reveal()}, nil
}

// RevokeAppSecret implements DeveloperService.
func (d *developer) RevokeAppSecret(ctx context.Context, req *registryv1.RevokeAppSecretRequest) (*registryv1.RevokeAppSecretResponse, error) {
	id, err := uuid.Parse(req.GetSecretId())
	if err != nil {
		return nil, fault.Because(fault.Invalid, "secret_id must be a UUID", err)
	}
	if err := d.desk.RevokeSecret(ctx, req.GetSub(), req.GetClientId(), id); err != nil {
		return nil, err
	}
	return &registryv1.RevokeAppSecretResponse{}, nil
}

// SetAppLogo implements DeveloperService.
func (d *developer) SetAppLogo(ctx context.Context, req *registryv1.SetAppLogoRequest) (*registryv1.SetAppLogoResponse, error) {
	c, err := d.desk.SetLogo(ctx, req.GetSub(), req.GetClientId(), req.GetImage())
	if err != nil {
		return nil, err
	}
	return &registryv1.SetAppLogoResponse{App: toClient(c)}, nil
}
