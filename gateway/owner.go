package gateway

import (
	"log/slog"
	"net/http"
	"slices"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// workspaceNames returns the names of the workspaces that own clients, by id. A
// page goes without them while the directory is away: they are there to be
// recognised, and nothing is decided by them.
func (g *gateway) workspaceNames(r *http.Request, clients ...*registryv1.Client) map[string]string {
	var ids []string
	for _, c := range clients {
		if id := c.GetWorkspaceId(); id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	resp, err := g.Directory.BatchGetWorkspaces(r.Context(), &directoryv1.BatchGetWorkspacesRequest{WorkspaceIds: ids})
	if err != nil {
		g.Log.WarnContext(r.Context(), "owners could not be read",
			slog.String("request_id", edge.InfoOf(r.Context()).ID), slog.String("error", err.Error()))
		return nil
	}
	names := make(map[string]string, len(ids))
	for _, w := range resp.GetWorkspaces() {
		names[w.GetWorkspaceId()] = w.GetName()
	}
	return names
}
