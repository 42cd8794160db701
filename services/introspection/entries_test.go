package introspection_test

import (
	"crypto/sha256"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

// adminOfOne may administer workspace1, and view workspace2.
func adminOfOne(a *credential.AccessToken) {
	a.Scope = oauth.Scope{"openid", "workspace:viewer", "workspace:admin"}
	a.Resources = credential.Resources{Workspaces: []credential.Workspace{
		{ID: workspace1, Role: role.Admin, MembershipVersion: 3},
		{ID: workspace2, Role: role.Viewer, MembershipVersion: 3, Scopes: credential.MaskOf(a.Scope, a.Scope[1:], a.Scope[1:2])},
	}}
}

// entry is a workspace in an answer; without a scope it has all of the token's.
func entry(id uuid.UUID, has role.Role, scope ...string) *introspectionv1.ResourceRole {
	r := &introspectionv1.ResourceRole{Id: id.String(), Role: has.String()}
	if len(scope) > 0 {
		r.Scope = proto.String(oauth.Scope(scope).String())
	}
	return r
}

// Every way to ask says what holds where.
func TestN302_AnswersSayWhatHoldsWhere(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken(), adminOfOne)
	batch, err := e.client.IntrospectBatch(t.Context(), &introspectionv1.IntrospectBatchRequest{
		Tokens: []string{text}, ClientId: "api", ClientSecret: "secret of api",
	})
	if err != nil {
		t.Fatal(err)
	}
	admin, err := e.operator.AdminIntrospect(t.Context(), &introspectionv1.AdminIntrospectRequest{Token: text})
	if err != nil {
		t.Fatal(err)
	}
	want := []*introspectionv1.ResourceRole{entry(workspace1, role.Admin), entry(workspace2, role.Viewer, "workspace:viewer")}
	for name, got := range map[string]*introspectionv1.IntrospectResponse{
		"one": e.introspect(t, "api", text), "batch": batch.GetAnswers()[0], "operator": admin.GetAnswer(),
	} {
		if diff := cmp.Diff(want, got.GetWorkspaces(), protocmp.Transform()); diff != "" || got.GetScope() != "openid workspace:viewer workspace:admin" {
			t.Errorf("%s: scope %q, workspaces (-want +got):\n%s", name, got.GetScope(), diff)
		}
	}

	e.restrict(t, coherent.Membership("u1", workspace1, 4, role.None))
	got := e.introspect(t, "api", text)
	if diff := cmp.Diff([]*introspectionv1.ResourceRole{entry(workspace2, role.Viewer)}, got.GetWorkspaces(), protocmp.Transform()); diff != "" || got.GetScope() != "openid workspace:viewer" {
		t.Errorf("without the first workspace: scope %q, workspaces (-want +got):\n%s", got.GetScope(), diff)
	}
	// The holder of a token of one workspace hears what holds there.
	if got := e.validate(t, text); !cmp.Equal(got.GetScopes(), []string{"openid", "workspace:viewer"}) || got.GetWorkspaceId() != workspace2.String() {
		t.Errorf("Validate() = %v", got)
	}
}

// stored returns more workspaces than travel in a token, all with the mask, and the
// digest by which a token names them. The set does not have to fit any scope.
func (e *env) stored(t *testing.T, mask credential.Mask) []byte {
	t.Helper()
	var r credential.Resources
	for i := range byte(9) {
		r.Workspaces = append(r.Workspaces, credential.Workspace{ID: uuid.UUID{0xa0, i}, Role: role.Admin, MembershipVersion: 3, Scopes: mask})
	}
	stored, err := r.Marshal(make(oauth.Scope, 8*len(mask)))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(stored)
	e.tokens.sets[string(sum[:])] = stored
	return sum[:]
}

// One stored set means to each token what it means over the scope of that token.
func TestN302_StoredResourcesAreReadOverTheScopeOfEachToken(t *testing.T) {
	e := newEnv(t)
	digest := e.stored(t, credential.Mask{1 << 1})
	for _, tt := range []struct {
		scope oauth.Scope
		holds string
		role  role.Role
	}{
		{oauth.Scope{"openid", "workspace:viewer", "workspace:admin"}, "openid workspace:viewer", role.Viewer},
		{oauth.Scope{"workspace:viewer", "workspace:admin"}, "workspace:admin", role.Admin},
		{oauth.Scope{"openid", "email", "workspace:admin"}, "openid email", role.None}, // the bit of email opens no workspace
	} {
		text := e.mint(t, userToken(), func(a *credential.AccessToken) {
			a.Scope, a.Resources, a.ResourcesDigest = tt.scope, credential.Resources{}, digest
		})
		got := e.introspect(t, "api", text)
		if got.GetScope() != tt.holds || len(got.GetWorkspaces()) != 9 && tt.role != role.None {
			t.Errorf("%s: %v", tt.scope, got)
		}
		for _, w := range got.GetWorkspaces() {
			if w.GetRole() != tt.role.String() || w.Scope != nil {
				t.Errorf("%s: %v, want %v and no scope of its own", tt.scope, w, tt.role)
			}
		}
	}
}

// A set that no token of that scope was minted with opens nothing.
func TestN302_StoredResourcesThatDoNotFitTheScope(t *testing.T) {
	e := newEnv(t)
	apart := func(mask credential.Mask) func(*credential.AccessToken) {
		return func(a *credential.AccessToken) {
			a.Resources, a.ResourcesDigest = credential.Resources{}, e.stored(t, mask)
		}
	}
	fits, beyond := credential.Mask{1 << 2}, credential.Mask{1<<2 | 1<<4} // of four values
	if got := e.introspect(t, "api", e.mint(t, userToken(), apart(fits))); len(got.GetWorkspaces()) != 9 {
		t.Errorf("a mask that fits: %v", got)
	}
	checkInactive(t, e.introspect(t, "api", e.mint(t, userToken(), apart(beyond))))
}
