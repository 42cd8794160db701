package consent

import (
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

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

// fromUse reads what a client asks of a grant.
func fromUse(req *consentv1.UseGrantRequest) (grant.Claim, error) {
	claim := grant.Claim{
		Scope: strings.Fields(req.GetScope()), Audiences: req.GetResource(), Version: req.GetVersion(), PlatformOwn: req.GetSkipConsent(),
	}
	if as := req.GetClientIdentity(); len(as) > 0 {
		if len(as) != len(claim.Identity) {
			return grant.Claim{}, fault.New(fault.Invalid, "client_identity must have 32 bytes")
		}
		claim.Identity = grant.Identity(as)
	}
	if req.GetWorkspaceId() == "" {
		return claim, nil
	}
	var err error
	if claim.WorkspaceID, err = uuid.Parse(req.GetWorkspaceId()); err != nil {
		return grant.Claim{}, fault.Because(fault.Invalid, "workspace_id must be a UUID", err)
	}
	return claim, nil
}

// toGrant leaves out what is allowed where, which may be too much for one message
// among others.
func (s *Service) toGrant(g grant.Grant) *consentv1.Grant {
	m := &consentv1.Grant{
		GrantId:    g.ID.String(),
		ClientId:   g.ClientID,
		Sub:        g.Sub,
		Scope:      g.Allowed().String(),
		Version:    g.Version,
		CreateTime: timestamppb.New(g.CreateTime),
		UpdateTime: timestamppb.New(g.UpdateTime),
	}
	if !g.LastUseTime.IsZero() {
		m.LastUseTime = timestamppb.New(g.LastUseTime)
	}
	return m
}

func (s *Service) toWholeGrant(g grant.Grant) *consentv1.Grant {
	m := s.toGrant(g)
	m.Approvals = each(g.Approvals, toApproval)
	m.Workspaces, m.Projects = toShared(g.Shared(s.scopes))
	return m
}

// toFormer is what the release before approvals reads of a grant.
func toFormer(g grant.Grant, f grant.Former) *consentv1.Grant {
	m := &consentv1.Grant{GrantId: g.ID.String(), ClientId: g.ClientID, Sub: g.Sub, Scope: f.Scope.String(), Version: g.Version}
	shared := make([]grant.Shared, len(f.Resources))
	for i, r := range f.Resources {
		shared[i].Resource = r
	}
	m.Workspaces, m.Projects = toShared(shared)
	return m
}

func toApproval(a grant.Approval) *consentv1.Approval {
	m := &consentv1.Approval{
		Scope: a.Scope.String(), Audience: a.At.Audience, ClientIdentity: a.At.Identity[:], Version: a.Version, ByPolicy: a.ByPolicy,
	}
	switch r := a.At.Resource; r.Kind {
	case preset.Workspace:
		m.WorkspaceId, m.MembershipId = r.ID.String(), r.MembershipID.String()
	case preset.Project:
		m.ProjectId, m.MembershipId = r.ID.String(), r.MembershipID.String()
	default:
	}
	return m
}

func toShared(list []grant.Shared) (workspaces []*consentv1.SharedWorkspace, projects []*consentv1.SharedProject) {
	for _, s := range list {
		r := s.Resource
		if r.Kind == preset.Workspace {
			workspaces = append(workspaces, &consentv1.SharedWorkspace{
				WorkspaceId: r.ID.String(), MembershipId: r.MembershipID.String(), Scope: s.Scope.String(),
			})
			continue
		}
		projects = append(projects, &consentv1.SharedProject{
			ProjectId: r.ID.String(), WorkspaceId: r.WorkspaceID.String(), MembershipId: r.MembershipID.String(), Scope: s.Scope.String(),
		})
	}
	return workspaces, projects
}

func (s *Service) toEvaluation(e grant.Evaluation) *consentv1.EvaluateResponse {
	m := &consentv1.EvaluateResponse{
		ConsentRequired: e.Required,
		Unrecorded:      e.Unrecorded,
		ClientIdentity:  e.Identity[:],
		Scopes:          each(e.Scopes, toScope),
		Levels:          each(e.Levels, toScope),
		Workspaces:      each(e.Workspaces, toWorkspaceChoice),
		Projects:        each(e.Projects, toProjectChoice),
		WorkspaceLevel:  levelName(e.WorkspaceLevel),
		ProjectLevel:    levelName(e.ProjectLevel),
		SingleWorkspace: e.SingleWorkspace,
	}
	if e.Grant != nil {
		m.Grant = s.toGrant(*e.Grant)
	}
	if e.WorkspaceID != uuid.Nil {
		m.WorkspaceId = e.WorkspaceID.String()
	}
	return m
}

func (s *Service) toDescription(d grant.Description) *consentv1.GrantDescription {
	return &consentv1.GrantDescription{
		Grant:           s.toGrant(d.Grant),
		Scopes:          each(d.Scopes, toScope),
		Levels:          each(d.Levels, toScope),
		Workspaces:      each(d.Workspaces, toWorkspaceChoice),
		Projects:        each(d.Projects, toProjectChoice),
		WorkspaceLevel:  levelName(d.WorkspaceLevel),
		ProjectLevel:    levelName(d.ProjectLevel),
		SingleWorkspace: d.SingleWorkspace,
	}
}

func toWorkspaceChoice(c grant.WorkspaceChoice) *consentv1.WorkspaceChoice {
	return &consentv1.WorkspaceChoice{
		WorkspaceId:   c.ID.String(),
		Name:          c.Name,
		Role:          c.Role.String(),
		SharedRole:    c.SharedRole.String(),
		Selected:      c.Had.Selected(),
		ApprovedScope: c.Had.Scope.String(),
		ApprovedRole:  levelName(c.Had.Role),
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
		Selected:      c.Had.Selected(),
		ApprovedScope: c.Had.Scope.String(),
		ApprovedRole:  levelName(c.Had.Role),
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
		Implies:     s.Implies,
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
