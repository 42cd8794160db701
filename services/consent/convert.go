package consent

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

func fromClient(c *registryv1.Client) grant.Client {
	return grant.Client{
		ID:           c.GetClientId(),
		Name:         c.GetClientName(),
		WorkspaceID:  c.GetWorkspaceId(),
		Public:       clientauth.Public(c),
		RedirectURIs: c.GetRedirectUris(),
		SkipConsent:  c.GetSkipConsent(),
		Unverified:   !clientauth.Vetted(c),
	}
}

func fromReason(r consentv1.RevokeGrantRequest_Reason) grant.Reason {
	switch r {
	case consentv1.RevokeGrantRequest_REASON_REUSE:
		return grant.ReasonReuse
	case consentv1.RevokeGrantRequest_REASON_WITHDRAWN:
		return grant.ReasonWithdrawn
	case consentv1.RevokeGrantRequest_REASON_ADMIN:
		return grant.ReasonAdmin
	default:
		return grant.ReasonUnspecified
	}
}

func toGrant(g grant.Grant) *consentv1.Grant {
	m := &consentv1.Grant{
		GrantId:    g.ID.String(),
		ClientId:   g.ClientID,
		Sub:        g.Sub,
		Scope:      g.Scope.String(),
		Workspaces: each(g.Workspaces, toSharedWorkspace),
		Projects:   each(g.Projects, toSharedProject),
		Version:    g.Version,
		CreateTime: timestamppb.New(g.CreateTime),
		UpdateTime: timestamppb.New(g.UpdateTime),
	}
	if !g.LastUseTime.IsZero() {
		m.LastUseTime = timestamppb.New(g.LastUseTime)
	}
	return m
}

func toSharedWorkspace(w grant.SharedWorkspace) *consentv1.SharedWorkspace {
	return &consentv1.SharedWorkspace{WorkspaceId: w.ID.String(), MembershipId: w.MembershipID.String()}
}

func toSharedProject(p grant.SharedProject) *consentv1.SharedProject {
	return &consentv1.SharedProject{
		ProjectId:    p.ID.String(),
		WorkspaceId:  p.WorkspaceID.String(),
		MembershipId: p.MembershipID.String(),
	}
}

func toEvaluation(e grant.Evaluation) *consentv1.EvaluateResponse {
	m := &consentv1.EvaluateResponse{
		ConsentRequired: e.Required,
		Scopes:          each(e.Scopes, toScope),
		Workspaces:      each(e.Workspaces, toWorkspaceChoice),
		Projects:        each(e.Projects, toProjectChoice),
		WorkspaceLevel:  levelName(e.WorkspaceLevel),
		ProjectLevel:    levelName(e.ProjectLevel),
		SingleWorkspace: e.SingleWorkspace,
	}
	if e.Grant != nil {
		m.Grant = toGrant(*e.Grant)
	}
	return m
}

func toDescription(d grant.Description) *consentv1.GrantDescription {
	return &consentv1.GrantDescription{
		Grant:           toGrant(d.Grant),
		Scopes:          each(d.Scopes, toScope),
		Workspaces:      each(d.Workspaces, toWorkspaceChoice),
		Projects:        each(d.Projects, toProjectChoice),
		WorkspaceLevel:  levelName(d.WorkspaceLevel),
		ProjectLevel:    levelName(d.ProjectLevel),
		SingleWorkspace: d.SingleWorkspace,
	}
}

func toWorkspaceChoice(c grant.WorkspaceChoice) *consentv1.WorkspaceChoice {
	return &consentv1.WorkspaceChoice{
		WorkspaceId: c.ID.String(),
		Name:        c.Name,
		Role:        c.Role.String(),
		SharedRole:  c.SharedRole.String(),
		Selected:    c.Selected,
	}
}

func toProjectChoice(c grant.ProjectChoice) *consentv1.ProjectChoice {
	return &consentv1.ProjectChoice{
		ProjectId:     c.ID.String(),
		Name:          c.Name,
		WorkspaceId:   c.Workspace.ID.String(),
		WorkspaceName: c.Workspace.Name,
		Role:          c.Workspace.Role.String(),
		SharedRole:    c.SharedRole.String(),
		Selected:      c.Selected,
	}
}

func toScope(s preset.Scope) *registryv1.ScopeDescription {
	return &registryv1.ScopeDescription{
		Name:        s.Name,
		Description: s.Description,
		Group:       s.Group,
		Kind:        toKind(s.Kind),
		Level:       levelName(s.Level),
		Sensitive:   s.Sensitive,
		Detail:      s.Detail,
	}
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

// levelName is empty for a scope that selects nothing.
func levelName(r role.Role) string {
	if r == role.None {
		return ""
	}
	return r.String()
}

func each[From, To any](list []From, convert func(From) To) []To {
	converted := make([]To, len(list))
	for i, from := range list {
		converted[i] = convert(from)
	}
	return converted
}
