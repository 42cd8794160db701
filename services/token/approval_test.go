package token_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// shares has the grant share both workspaces, with these scopes.
func (f *fixture) shares(scope1, scope2 string) {
	f.join(7)
	f.consent.change(func(g *consentv1.Grant) {
		g.Workspaces = []*consentv1.SharedWorkspace{
			{WorkspaceId: workspace1.String(), MembershipId: membership1.String(), Scope: scope1},
			{WorkspaceId: workspace2.String(), MembershipId: membership2.String(), Scope: scope2},
		}
	})
}

// holding is which of the token's scopes for workspaces hold in one.
func holding(token credential.AccessToken, w credential.Workspace) string {
	var scope oauth.Scope
	for i, name := range token.Scope {
		if strings.HasPrefix(name, "workspace:") && w.Scopes.Has(i) {
			scope = append(scope, name)
		}
	}
	return scope.String()
}

func TestN302_ATokenHasAtEachWorkspaceWhatIsAllowedThere(t *testing.T) {
	for _, tt := range []struct {
		name, asked, first, second string
		roles                      [2]role.Role
		scope                      string
		holds                      [2]string
	}{
		{
			"the same", "openid workspace:viewer", "workspace:viewer", "workspace:viewer",
			[2]role.Role{role.Viewer, role.Viewer},
			"openid workspace:viewer",
			[2]string{"workspace:viewer", "workspace:viewer"},
		},
		{
			"more in one", "openid workspace:viewer workspace:member", "workspace:viewer workspace:member", "workspace:viewer",
			[2]role.Role{role.Member, role.Viewer},
			"openid workspace:viewer workspace:member",
			[2]string{"workspace:viewer workspace:member", "workspace:viewer"},
		},
		{
			"less than was asked for in one", "openid workspace:member", "workspace:member", "workspace:viewer",
			[2]role.Role{role.Member, role.Viewer},
			"openid workspace:member workspace:viewer",
			[2]string{"workspace:member workspace:viewer", "workspace:viewer"},
		},
		{
			"a role that is less than what is allowed", "workspace:member", "workspace:member", "workspace:member",
			[2]role.Role{role.Member, role.Viewer},
			"workspace:member",
			[2]string{"workspace:member", "workspace:member"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			f.shares(tt.first, tt.second)
			token := f.open(t, f.mustExchange(t, c1, byCode(f.code(t, withScope(tt.asked)))).GetAccessToken())
			if len(token.Resources.Workspaces) != 2 || token.Scope.String() != tt.scope {
				t.Fatalf("scope %q, want %q, workspaces %v", token.Scope, tt.scope, token.Resources.Workspaces)
			}
			for i, w := range token.Resources.Workspaces {
				held := holding(token, w)
				if w.Role != tt.roles[i] || held != tt.holds[i] {
					t.Errorf("workspace %d: role %v, %q, want %v, %q", i, w.Role, held, tt.roles[i], tt.holds[i])
				}
			}
		})
	}
}

// What descends from a code says as what the client came, when that was, and what it
// chose: at the code, and at every refresh.
func TestN303_WhatDescendsFromACodeSaysHowItBegan(t *testing.T) {
	f := newFixture(t)
	f.registry.change(c1, func(c *registryv1.Client) { c.SkipConsent = true })
	identity := bytes.Repeat([]byte{7}, 32)
	token := f.mustExchange(t, c1, byCode(f.code(t, func(r *tokenv1.IssueCodeRequest) {
		r.ClientIdentity, r.GrantVersion, r.WorkspaceId, r.Resource = identity, 4, workspace1.String(), []string{api}
	})))
	f.refresh(t, f.refresh(t, token.GetRefreshToken()).GetRefreshToken())
	want := &consentv1.UseGrantRequest{
		GrantId: grantID.String(), ClientIdentity: identity, Version: 4, WorkspaceId: workspace1.String(),
		Scope: "openid offline_access workspace:member", Resource: []string{api}, SkipConsent: true,
	}
	if len(f.consent.used) != 3 {
		t.Fatalf("the grant was used %d times", len(f.consent.used))
	}
	for i, used := range f.consent.used {
		if diff := cmp.Diff(want, used, protocmp.Transform()); diff != "" {
			t.Errorf("use %d (-want +got):\n%s", i, diff)
		}
	}
}

// A membership that ended takes its workspace, and the scopes that held there alone.
func TestN302_AScopeGoesWithTheLastWorkspaceThatHasIt(t *testing.T) {
	f := newFixture(t)
	f.shares("workspace:viewer", "workspace:member")
	first := f.mustExchange(t, c1, byCode(f.code(t, withScope("openid offline_access workspace:member"))))
	f.people.change(func(r *directoryv1.GetSubjectResponse) { r.Memberships = r.Memberships[:1] })
	token := f.open(t, f.refresh(t, first.GetRefreshToken()).GetAccessToken())
	if token.Scope.String() != "openid offline_access workspace:viewer" || len(token.Resources.Workspaces) != 1 {
		t.Errorf("scope %q, workspaces %v", token.Scope, token.Resources.Workspaces)
	}
}

// What a token was given in place of its scope can be asked for again, and no more
// than that (RFC 6749 §6).
func TestN140_AClientAsksForTheScopeThatItWasAnswered(t *testing.T) {
	f := newFixture(t)
	f.shares("workspace:viewer", "workspace:viewer")
	first := f.mustExchange(t, c1, byCode(f.code(t, withScope("openid offline_access workspace:member"))))
	if first.GetScope() != "openid offline_access workspace:viewer" {
		t.Fatalf("scope = %q", first.GetScope())
	}
	again := byRefresh(first.GetRefreshToken())
	again.Scope = first.GetScope()
	if next := f.mustExchange(t, c1, again); next.GetScope() != first.GetScope() {
		t.Errorf("scope = %q, want %q", next.GetScope(), first.GetScope())
	}
	again.Scope = "openid workspace:admin"
	f.refused(t, c1, again, oauth.InvalidScope)
}
