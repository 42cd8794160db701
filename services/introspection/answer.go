package introspection

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	"github.com/chancery-auth/chancery/services/introspection/internal/verdict"
)

// bearer is the token_type of every access token (RFC 6750 §4).
const bearer = "Bearer"

// answer is a response together with what its optional fields point to: one
// allocation in place of ten.
type answer struct {
	response introspectionv1.IntrospectResponse

	scope, clientID, tokenType, sub, iss, jti string
	exp, iat                                  int64
}

// toAnswer is the one place that makes an [introspectionv1.IntrospectResponse].
// Nothing but active is set for a token that is not (RFC 7662 §2.2).
func (s *Service) toAnswer(v *verdict.Verdict) *introspectionv1.IntrospectResponse {
	if !v.Active() {
		return &introspectionv1.IntrospectResponse{}
	}
	t := v.Token
	a := &answer{
		scope:     v.ScopeText(),
		clientID:  t.ClientID,
		tokenType: bearer,
		sub:       t.Sub,
		iss:       s.issuer,
		jti:       t.JTI,
		exp:       t.ExpireTime.Unix(),
		iat:       t.IssueTime.Unix(),
	}
	if a.sub == "" {
		a.sub = t.ClientID // RFC 9068 §2.2
	}
	r := &a.response
	r.Active = true
	r.Scope, r.ClientId, r.TokenType, r.Sub, r.Iss, r.Jti = &a.scope, &a.clientID, &a.tokenType, &a.sub, &a.iss, &a.jti
	r.Exp, r.Iat = &a.exp, &a.iat
	r.Aud = slices.Clone(t.Audience)
	if len(r.Aud) == 0 {
		r.Aud = []string{s.issuer}
	}
	r.Workspaces, r.Projects = toRoles(v.Workspaces), toRoles(v.Projects)
	return r
}

func toRoles(resources []verdict.Resource) []*introspectionv1.ResourceRole {
	if len(resources) == 0 {
		return nil
	}
	values := make([]introspectionv1.ResourceRole, len(resources))
	roles := make([]*introspectionv1.ResourceRole, len(resources))
	for i := range resources {
		values[i].Id, values[i].Role = resources[i].ID.String(), resources[i].Role.String()
		if scope := resources[i].Scope; scope != nil {
			values[i].Scope = proto.String(scope.String())
		}
		roles[i] = &values[i]
	}
	return roles
}

// toValidation tells no more than the holder needs: no subject, no client.
func (s *Service) toValidation(ctx context.Context, v *verdict.Verdict) (*introspectionv1.ValidateResponse, error) {
	if !v.Active() {
		return &introspectionv1.ValidateResponse{}, nil
	}
	exp := v.Token.ExpireTime.Unix()
	r := &introspectionv1.ValidateResponse{Active: true, Exp: &exp, Scopes: slices.Clone(v.Scope)}
	if len(v.Workspaces) != 1 {
		return r, nil
	}
	id := v.Workspaces[0].ID
	r.WorkspaceId = proto.String(id.String())
	if s.slugs == nil {
		return r, nil
	}
	slug, err := s.slugs.Slug(ctx, id)
	if err != nil {
		return nil, err
	}
	if slug != "" {
		r.WorkspaceSlug = &slug
	}
	return r, nil
}
