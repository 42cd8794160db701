package token

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/token/internal/exchange"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/standing"
)

// remote asks the owners of grants, subjects and clients. It implements
// standing.Source, family.Grants and family.Clients.
type remote struct {
	preset    preset.Preset
	registry  registryv1.RegistryServiceClient
	consent   consentv1.ConsentServiceClient
	directory directoryv1.DirectoryServiceClient
}

// Grant implements standing.Source. A standing is resolved for nothing but minting.
func (r remote) Grant(ctx context.Context, asked standing.Asked) (standing.Grant, error) {
	req := &consentv1.UseGrantRequest{
		GrantId: asked.GrantID.String(), ClientIdentity: asked.Origin.IdentityBytes(), Version: asked.Origin.GrantVersion,
		Scope: asked.Scope.String(), Resource: asked.Audience, SkipConsent: asked.PlatformOwn,
	}
	if asked.Origin.WorkspaceID != uuid.Nil {
		req.WorkspaceId = asked.Origin.WorkspaceID.String()
	}
	resp, err := r.consent.UseGrant(ctx, req)
	if err != nil {
		return standing.Grant{}, notFound(err)
	}
	return grantOf(asked.GrantID, resp)
}

// Subject implements standing.Source.
func (r remote) Subject(ctx context.Context, sub string, workspaces, projects []uuid.UUID) (standing.Subject, error) {
	resp, err := r.directory.GetSubject(ctx, &directoryv1.GetSubjectRequest{
		Sub: sub, WorkspaceIds: texts(workspaces), ProjectIds: texts(projects),
	})
	if err != nil {
		return standing.Subject{}, notFound(err)
	}
	return subjectOf(resp)
}

// RevokeReused implements family.Grants. A grant that is gone has ended.
func (r remote) RevokeReused(ctx context.Context, id uuid.UUID) error {
	_, err := r.consent.RevokeGrant(ctx, &consentv1.RevokeGrantRequest{
		GrantId: id.String(), Reason: consentv1.RevokeGrantRequest_REASON_REUSE,
	})
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// Policy implements family.Clients.
func (r remote) Policy(ctx context.Context, clientID string) (family.Policy, error) {
	resp, err := r.registry.GetClient(ctx, &registryv1.GetClientRequest{ClientId: clientID})
	if errors.Is(err, fault.NotFound) {
		return family.Policy{}, nil
	}
	if err != nil {
		return family.Policy{}, err
	}
	c, err := client.Owned(resp.GetClient(), r.preset)
	return exchange.PolicyOf(c), err
}

// notFound is standing.ErrNotFound for what the owner does not have.
func notFound(err error) error {
	if errors.Is(err, fault.NotFound) {
		return fmt.Errorf("%w: %w", standing.ErrNotFound, err)
	}
	return err
}

func grantOf(id uuid.UUID, g *consentv1.UseGrantResponse) (standing.Grant, error) {
	scope, err := scopeOf(g.GetScope())
	errs := []error{err}
	grant := standing.Grant{ID: id, ClientID: g.GetClientId(), Sub: g.GetSub(), Version: g.GetVersion(), Scope: scope}
	for _, w := range g.GetWorkspaces() {
		shared, err := sharedOf(w.GetWorkspaceId(), w)
		grant.Workspaces, errs = append(grant.Workspaces, shared), append(errs, err)
	}
	for _, p := range g.GetProjects() {
		shared, err := sharedOf(p.GetProjectId(), p)
		grant.Projects, errs = append(grant.Projects, shared), append(errs, err)
	}
	return grant, errors.Join(errs...)
}

func sharedOf(id string, s interface {
	GetMembershipId() string
	GetScope() string
},
) (standing.Shared, error) {
	resource, err1 := uuid.Parse(id)
	membership, err2 := uuid.Parse(s.GetMembershipId())
	scope, err3 := scopeOf(s.GetScope())
	return standing.Shared{ID: resource, MembershipID: membership, Scope: scope}, errors.Join(err1, err2, err3)
}

func subjectOf(resp *directoryv1.GetSubjectResponse) (standing.Subject, error) {
	s := resp.GetSubject()
	subject := standing.Subject{
		Sub: s.GetSub(), Version: s.GetVersion(), Disabled: s.GetDisabled(), Claims: s.GetClaims().AsMap(),
		Memberships: make(map[uuid.UUID]standing.Membership), Projects: make(map[uuid.UUID]standing.Project),
	}
	var errs []error
	for _, m := range resp.GetMemberships() {
		workspace, err1 := uuid.Parse(m.GetWorkspaceId())
		id, err2 := uuid.Parse(m.GetMembershipId())
		r, err3 := role.Parse(m.GetRole())
		errs = append(errs, err1, err2, err3)
		subject.Memberships[workspace] = standing.Membership{ID: id, Role: r, Version: m.GetVersion()}
	}
	for _, p := range resp.GetProjects() {
		id, err1 := uuid.Parse(p.GetProjectId())
		workspace, err2 := uuid.Parse(p.GetWorkspaceId())
		errs = append(errs, err1, err2)
		subject.Projects[id] = standing.Project{WorkspaceID: workspace, Version: p.GetVersion()}
	}
	return subject, errors.Join(errs...)
}

func texts(ids []uuid.UUID) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = id.String()
	}
	return list
}

// scopeOf reads a scope that may be empty.
func scopeOf(s string) (oauth.Scope, error) {
	if s == "" {
		return nil, nil
	}
	return oauth.ParseScope(s)
}
