package token_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// internal makes the first client one for the members of the workspace.
func (f *fixture) internal(workspace string) {
	f.registry.change(c1, func(c *registryv1.Client) { c.Visibility, c.WorkspaceId = "internal", workspace })
}

// join makes the subject a viewer of the second workspace, which they share with nobody.
func (f *fixture) join(version int64) {
	f.people.change(func(r *directoryv1.GetSubjectResponse) {
		r.Memberships = append(r.Memberships[:1:1], &directoryv1.Membership{
			WorkspaceId: workspace2.String(), MembershipId: membership2.String(), Role: "viewer", Version: version,
		})
	})
}

func (f *fixture) leave() {
	f.people.change(func(r *directoryv1.GetSubjectResponse) { r.Memberships = r.Memberships[:1] })
}

func TestN306_TokensOfAnInternalClientRequireTheMembership(t *testing.T) {
	f := newFixture(t)
	f.internal(workspace2.String())
	f.join(7)
	want := credential.Workspace{ID: workspace2, Role: role.Viewer, MembershipVersion: 7}
	first := f.signedIn(t)
	second := f.refresh(t, first.GetRefreshToken())
	for _, text := range []string{first.GetAccessToken(), second.GetAccessToken()} {
		token := f.open(t, text)
		if diff := cmp.Diff(want, token.Required); diff != "" {
			t.Errorf("required (-want +got):\n%s", diff)
		}
		if len(token.Resources.Workspaces) != 1 || token.Resources.Workspaces[0].ID != workspace1 {
			t.Errorf("shares %v, want the workspace of the grant alone", token.Resources.Workspaces)
		}
	}
	f.registry.change(c1, func(c *registryv1.Client) { c.Visibility = "unlisted" })
	third := f.open(t, f.refresh(t, second.GetRefreshToken()).GetAccessToken())
	if third.Required.MembershipVersion != 0 {
		t.Errorf("a token of a client for everybody requires %v", third.Required)
	}
}

// The token of a client itself is nobody's, and requires nothing.
func TestN306_AnInternalClientHasTokensOfItsOwn(t *testing.T) {
	f := newFixture(t)
	f.internal(workspace2.String())
	if got := f.open(t, f.mustExchange(t, c1, byCredentials("introspect")).GetAccessToken()).Required; got.MembershipVersion != 0 {
		t.Errorf("requires %v", got)
	}
}

func TestN306_OutsidersGetNothingFromAnInternalClient(t *testing.T) {
	f := newFixture(t)
	first := f.signedIn(t)
	code := f.code(t)
	f.internal(workspace2.String()) // narrowed, after an outsider allowed it
	f.refused(t, c1, byCode(code), oauth.InvalidGrant)
	f.refused(t, c1, byRefresh(first.GetRefreshToken()), oauth.InvalidGrant)
	f.join(1)
	second := f.refresh(t, first.GetRefreshToken())
	f.mustExchange(t, c1, byCode(code))
	f.leave()
	f.refused(t, c1, byRefresh(second.GetRefreshToken()), oauth.InvalidGrant)
	f.refused(t, c1, byCode(f.code(t)), oauth.InvalidGrant)
	f.join(3)
	if got := f.open(t, f.refresh(t, second.GetRefreshToken()).GetAccessToken()).Required.MembershipVersion; got != 3 {
		t.Errorf("membership version %d, want that of the new membership", got)
	}
}

// An internal client whose owner cannot be read is not one for everybody.
func TestN306_AnInternalClientWithoutAnOwnerIsForNobody(t *testing.T) {
	for _, owner := range []string{"", "w2", "00000000-0000-0000-0000-000000000000"} {
		f := newFixture(t)
		f.internal(owner)
		f.refused(t, c1, byCode(f.code(t)), oauth.ServerError)
	}
}
