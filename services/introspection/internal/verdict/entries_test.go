package verdict_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/introspection/internal/accesstoken"
	"github.com/chancery-auth/chancery/services/introspection/internal/verdict"
)

// shared is what was allowed in one workspace or project.
type shared struct {
	id    uuid.UUID
	role  role.Role
	holds string
}

// sharing returns a token with a scope, which holds in each resource as told there.
func sharing(scopes preset.Catalogue, scope string, workspaces, projects []shared) credential.AccessToken {
	token := sample()
	token.Scope, token.Resources = strings.Fields(scope), credential.Resources{}
	mask := func(kind preset.Kind, r shared) credential.Mask {
		return credential.MaskOf(token.Scope, scopes.Names(kind), strings.Fields(r.holds))
	}
	for _, w := range workspaces {
		token.Resources.Workspaces = append(token.Resources.Workspaces, credential.Workspace{
			ID: w.id, Role: w.role, MembershipVersion: version, Scopes: mask(preset.Workspace, w),
		})
	}
	for _, p := range projects {
		token.Resources.Projects = append(token.Resources.Projects, credential.Project{
			ID: p.id, WorkspaceID: workspace1, Role: p.role, MembershipVersion: version, ProjectVersion: version,
			Scopes: mask(preset.Project, p),
		})
	}
	return token
}

// verdictOf is [of] for a token whose scope is of a catalogue.
func verdictOf(scopes preset.Catalogue, token credential.AccessToken, s *coherent.State) verdict.Verdict {
	t := &accesstoken.Token{AccessToken: token, ScopeText: token.Scope.String()}
	return verdict.NewJudge(scopes).Of(t, &t.Resources, s, now)
}

var workspace3 = uuid.UUID{0x13}

// A value that holds in one workspace says nothing about another, whatever is taken
// away from either.
func TestN302_ScopeHoldsPerWorkspace(t *testing.T) {
	const ladder = "openid workspace:viewer workspace:member workspace:admin"
	w1 := shared{workspace1, role.Admin, ladder}
	w2 := shared{workspace2, role.Member, "workspace:viewer workspace:member"}
	w3 := shared{workspace3, role.Viewer, "workspace:viewer"}
	allowed := func(scope string) coherent.Restriction { return coherent.ClientScope("client", version+1, scope) }
	removed := func(id uuid.UUID) coherent.Restriction {
		return coherent.Membership("sub", id, version+1, role.None)
	}
	tests := []struct {
		name       string
		workspaces []shared
		rs         []coherent.Restriction
		scope      string
		want       []verdict.Resource
	}{
		{
			"the same everywhere",
			[]shared{w1, {workspace2, role.Admin, ladder}},
			nil, ladder,
			[]verdict.Resource{resource(workspace1, role.Admin), resource(workspace2, role.Admin)},
		},
		{"three levels", []shared{w1, w2, w3}, nil, ladder, []verdict.Resource{
			resource(workspace1, role.Admin),
			resource(workspace2, role.Member, "workspace:viewer", "workspace:member"),
			resource(workspace3, role.Viewer, "workspace:viewer"),
		}},
		{"three levels, in the other order", []shared{w3, w2, w1}, nil, ladder, []verdict.Resource{
			resource(workspace3, role.Viewer, "workspace:viewer"),
			resource(workspace2, role.Member, "workspace:viewer", "workspace:member"),
			resource(workspace1, role.Admin),
		}},
		{"the role is within what holds there", []shared{w1, {workspace2, role.Admin, "workspace:viewer"}}, nil, ladder, []verdict.Resource{
			resource(workspace1, role.Admin), resource(workspace2, role.Viewer, "workspace:viewer"),
		}},
		{"the role may be less than what holds there", []shared{w1, {workspace2, role.Viewer, "workspace:member"}}, nil, ladder, []verdict.Resource{
			resource(workspace1, role.Admin), resource(workspace2, role.Viewer, "workspace:member"),
		}},
		{
			"what holds nowhere is not in the scope",
			[]shared{w2, {workspace3, role.Member, w2.holds}},
			nil, "openid workspace:viewer workspace:member",
			[]verdict.Resource{resource(workspace2, role.Member), resource(workspace3, role.Member)},
		},
		{
			"the one with all is removed",
			[]shared{w1, w2, w3},
			[]coherent.Restriction{removed(workspace1)},
			"openid workspace:viewer workspace:member",
			[]verdict.Resource{resource(workspace2, role.Member), resource(workspace3, role.Viewer, "workspace:viewer")},
		},
		{
			"the one with least is removed",
			[]shared{w1, w2, w3},
			[]coherent.Restriction{removed(workspace3)},
			ladder,
			[]verdict.Resource{resource(workspace1, role.Admin), resource(workspace2, role.Member, "workspace:viewer", "workspace:member")},
		},
		{
			"demoted where all holds: the scope stays, the role goes",
			[]shared{w1, w3},
			[]coherent.Restriction{coherent.Membership("sub", workspace1, version+1, role.Viewer)},
			ladder,
			[]verdict.Resource{resource(workspace1, role.Viewer), resource(workspace3, role.Viewer, "workspace:viewer")},
		},
		{
			"demoted where little holds",
			[]shared{w1, w2},
			[]coherent.Restriction{coherent.Membership("sub", workspace2, version+1, role.Viewer)},
			ladder,
			[]verdict.Resource{resource(workspace1, role.Admin), resource(workspace2, role.Viewer, "workspace:viewer", "workspace:member")},
		},
		{
			"promoted: nothing more holds",
			[]shared{w1, w3},
			[]coherent.Restriction{coherent.Membership("sub", workspace3, version+1, role.Admin)},
			ladder,
			[]verdict.Resource{resource(workspace1, role.Admin), resource(workspace3, role.Viewer, "workspace:viewer")},
		},
		{
			"client without admin",
			[]shared{w1, w2, w3},
			[]coherent.Restriction{allowed("openid workspace:viewer workspace:member")},
			"openid workspace:viewer workspace:member",
			[]verdict.Resource{resource(workspace1, role.Member), resource(workspace2, role.Member), resource(workspace3, role.Viewer, "workspace:viewer")},
		},
		{
			"client without member",
			[]shared{w1, w2, w3},
			[]coherent.Restriction{allowed("openid workspace:viewer workspace:admin")},
			"openid workspace:viewer workspace:admin",
			[]verdict.Resource{
				resource(workspace1, role.Admin), resource(workspace2, role.Viewer, "workspace:viewer"), resource(workspace3, role.Viewer, "workspace:viewer"),
			},
		},
		{
			"client with admin alone: where that does not hold nothing is left",
			[]shared{w1, w2, w3},
			[]coherent.Restriction{allowed("openid workspace:admin")},
			"openid workspace:admin",
			[]verdict.Resource{resource(workspace1, role.Admin)},
		},
		{
			"client narrowed to what holds in none that is left",
			[]shared{w1, w3},
			[]coherent.Restriction{allowed("openid workspace:admin"), removed(workspace1)},
			"openid",
			[]verdict.Resource{},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			scopes := preset.Default().Scopes
			v := verdictOf(scopes, sharing(scopes, ladder, tt.workspaces, nil), restricted(t, tt.rs...))
			if diff := cmp.Diff(shown{tt.scope, tt.want, nil}, shown{v.ScopeText(), v.Workspaces, v.Projects}); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// Two permissions of one level are two: the role tells them apart nowhere.
func TestN302_EqualLevelsAreTwoPermissions(t *testing.T) {
	scopes := preset.Catalogue{
		{Name: "image:tag", Kind: preset.Workspace, Level: role.Member},
		{Name: "project:update", Kind: preset.Workspace, Level: role.Member},
	}
	const both = "image:tag project:update"
	tags, updates := shared{workspace1, role.Member, "image:tag"}, shared{workspace2, role.Member, "project:update"}
	for _, tt := range []struct {
		name       string
		workspaces []shared
		rs         []coherent.Restriction
		scope      string
		want       []verdict.Resource
	}{
		{"one each", []shared{tags, updates}, nil, both, []verdict.Resource{
			resource(workspace1, role.Member, "image:tag"), resource(workspace2, role.Member, "project:update"),
		}},
		{"one, and both", []shared{tags, {workspace2, role.Member, both}}, nil, both, []verdict.Resource{
			resource(workspace1, role.Member, "image:tag"), resource(workspace2, role.Member),
		}},
		{
			"one of them left",
			[]shared{tags, updates},
			[]coherent.Restriction{coherent.Membership("sub", workspace1, version+1, role.None)},
			"project:update",
			[]verdict.Resource{resource(workspace2, role.Member)},
		},
		{
			"client narrowed to the other",
			[]shared{tags, updates},
			[]coherent.Restriction{coherent.ClientScope("client", version+1, "image:tag")},
			"image:tag",
			[]verdict.Resource{resource(workspace1, role.Member)},
		},
		{
			"nothing left",
			[]shared{tags},
			[]coherent.Restriction{coherent.ClientScope("client", version+1, "project:update")},
			"", nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := verdictOf(scopes, sharing(scopes, both, tt.workspaces, nil), restricted(t, tt.rs...))
			if diff := cmp.Diff(shown{tt.scope, tt.want, nil}, shown{v.ScopeText(), v.Workspaces, v.Projects}); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
			if v.Active() != (tt.scope != "") {
				t.Errorf("active = %v", v.Active())
			}
		})
	}
}

// Projects have what was allowed for them, and neither has what the other has.
func TestN302_ScopeHoldsPerProject(t *testing.T) {
	scopes := preset.Default().Scopes
	const scope = "workspace:viewer workspace:admin project:viewer project:member"
	workspaces := []shared{{workspace1, role.Admin, scope}, {workspace2, role.Viewer, "workspace:viewer"}}
	projects := []shared{{project1, role.Member, scope}, {project2, role.Viewer, "project:viewer"}}
	w := []verdict.Resource{resource(workspace1, role.Admin), resource(workspace2, role.Viewer, "workspace:viewer")}
	p1, p2 := resource(project1, role.Member), resource(project2, role.Viewer, "project:viewer")
	for _, tt := range []struct {
		name string
		rs   []coherent.Restriction
		want shown
	}{
		{"two levels", nil, shown{scope, w, []verdict.Resource{p1, p2}}},
		{
			"the one with all is deleted",
			[]coherent.Restriction{coherent.Project(project1, version+1)},
			shown{"workspace:viewer workspace:admin project:viewer", w, []verdict.Resource{resource(project2, role.Viewer)}},
		},
		{
			"client without project:viewer",
			[]coherent.Restriction{coherent.ClientScope("client", version+1, "workspace:viewer workspace:admin project:member")},
			shown{"workspace:viewer workspace:admin project:member", w, []verdict.Resource{p1}},
		},
		{
			"client without projects",
			[]coherent.Restriction{coherent.ClientScope("client", version+1, "workspace:viewer workspace:admin")},
			shown{"workspace:viewer workspace:admin", w, []verdict.Resource{}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := verdictOf(scopes, sharing(scopes, scope, workspaces, projects), restricted(t, tt.rs...))
			if diff := cmp.Diff(tt.want, shown{v.ScopeText(), v.Workspaces, v.Projects}); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// A mask is over the whole scope, and opens resources of its own kind alone.
func TestMaskOfAnotherKindOpensNothing(t *testing.T) {
	token := sample()
	token.Resources.Workspaces[0].Scopes = credential.MaskOf(token.Scope, oauth.Scope{"project:viewer", "openid"}, oauth.Scope{"project:viewer"})
	v := of(token, coherent.NewState(0), now)
	if diff := cmp.Diff([]verdict.Resource{resource(workspace2, role.Viewer)}, v.Workspaces); diff != "" {
		t.Errorf("workspaces (-want +got):\n%s", diff)
	}
	token.Resources.Workspaces[0].Scopes = credential.MaskOf(token.Scope, token.Scope, oauth.Scope{"workspace:member", "email"})
	v = of(token, coherent.NewState(0), now)
	if diff := cmp.Diff([]verdict.Resource{resource(workspace1, role.Member), resource(workspace2, role.Viewer)}, v.Workspaces); diff != "" {
		t.Errorf("workspaces (-want +got):\n%s", diff)
	}
}
