package consent_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

func TestEvaluateShowsWhatMayBeChosen(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	w.record(t, recording("workspace:viewer", w.w2))
	got := w.evaluate(t, evaluating("project:viewer unheard_of workspace:member openid workspace:viewer"))

	var scopes []string
	for _, s := range got.GetScopes() {
		scopes = append(scopes, s.GetName())
	}
	if diff := cmp.Diff([]string{"openid", "workspace:viewer", "workspace:member", "project:viewer"}, scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	wantWorkspaces := []*consentv1.WorkspaceChoice{
		{WorkspaceId: w.w1, Name: "One", Role: "admin", SharedRole: "member"},
		{WorkspaceId: w.w2, Name: "Two", Role: "member", SharedRole: "member", Selected: true, ApprovedScope: "workspace:viewer", ApprovedRole: "viewer"},
		{WorkspaceId: w.w3, Name: "Three", Role: "viewer", SharedRole: "viewer"},
	}
	if diff := cmp.Diff(wantWorkspaces, got.GetWorkspaces(), protocmp.Transform()); diff != "" {
		t.Errorf("workspaces (-want +got):\n%s", diff)
	}
	wantProjects := []*consentv1.ProjectChoice{
		{ProjectId: w.p1, Name: "P1", WorkspaceId: w.w1, WorkspaceName: "One", Role: "admin", SharedRole: "viewer"},
		{ProjectId: w.p3, Name: "P3", WorkspaceId: w.w3, WorkspaceName: "Three", Role: "viewer", SharedRole: "viewer"},
	}
	if diff := cmp.Diff(wantProjects, got.GetProjects(), protocmp.Transform()); diff != "" {
		t.Errorf("projects (-want +got):\n%s", diff)
	}
	if got.GetWorkspaceLevel() != "member" || got.GetProjectLevel() != "viewer" || got.GetSingleWorkspace() {
		t.Errorf("levels %q and %q, single workspace: %v", got.GetWorkspaceLevel(), got.GetProjectLevel(), got.GetSingleWorkspace())
	}
}

func TestEvaluateShowsNothingToChooseWhereNothingIsSelected(t *testing.T) {
	w := newWorld(t, preset.Consent{SingleWorkspace: true})
	got := w.evaluate(t, evaluating("openid"))
	if len(got.GetWorkspaces())+len(got.GetProjects()) != 0 || got.GetWorkspaceLevel()+got.GetProjectLevel() != "" || got.GetSingleWorkspace() {
		t.Errorf("Evaluate() = %v", got)
	}
	if !w.evaluate(t, evaluating("workspace:viewer")).GetSingleWorkspace() {
		t.Error("Evaluate(workspace:viewer) does not say that one workspace is to be chosen")
	}
}

// A directory that is the platform's own may be wrong.
func TestAProjectOutsideEveryWorkspaceOfTheSubjectCannotBeShared(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	stray := uuid.NewString()
	w.directory.stray = append(w.directory.stray, &directoryv1.Project{ProjectId: stray, WorkspaceId: w.other})
	for _, c := range w.evaluate(t, evaluating("project:viewer")).GetProjects() {
		if c.GetProjectId() == stray {
			t.Error("Evaluate() offers the project")
		}
	}
	req := recording("project:viewer")
	req.ProjectIds = []string{stray}
	if _, err := w.authorize.RecordGrant(t.Context(), req); !errors.Is(err, oauth.AccessDenied) {
		t.Errorf("RecordGrant() = %v, want %v", err, oauth.AccessDenied)
	}
	w.checkNoGrant(t)
}

func TestEvaluateOfAnUnknownSubjectIsNotFound(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	_, err := w.authorize.Evaluate(t.Context(), &consentv1.EvaluateRequest{Sub: "nobody", Client: web(), Scope: "openid"})
	if !errors.Is(err, fault.NotFound) {
		t.Errorf("Evaluate() = %v, want %v", err, fault.NotFound)
	}
}

func TestASkippedPageCarriesTheGrant(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	g := w.record(t, recording("openid workspace:viewer", w.w1))
	for _, scope := range []string{"openid", "workspace:viewer", "openid workspace:viewer"} {
		got := w.evaluate(t, evaluating(scope))
		if got.GetConsentRequired() {
			t.Errorf("Evaluate(%q) asks", scope)
		}
		if diff := cmp.Diff(brief(g), got.GetGrant(), protocmp.Transform()); diff != "" {
			t.Errorf("Evaluate(%q) grant (-want +got):\n%s", scope, diff)
		}
	}
}

// What is recorded without a page: the platform's own client, with nothing to select.
func TestRecordGrantWithoutSelection(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	own := evaluating("openid email")
	own.Client.SkipConsent = true
	if got := w.evaluate(t, own); got.GetConsentRequired() || got.GetGrant() != nil {
		t.Errorf("Evaluate() = %v", got)
	}
	if g := w.record(t, recording("openid email")); g.GetScope() != "email openid" || len(g.GetWorkspaces()) != 0 {
		t.Errorf("RecordGrant() = %v", g)
	}
}

func TestRecordGrantRefusesAScopeThatNoUserCanGrant(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	for _, scope := range []string{"", "openid  email", "introspect", "openid introspect", "openid unheard_of", "workspace:*"} {
		_, err := w.authorize.RecordGrant(t.Context(), recording(scope))
		if !errors.Is(err, oauth.InvalidScope) {
			t.Errorf("RecordGrant(%q) = %v, want %v", scope, err, oauth.InvalidScope)
		}
	}
	w.checkNoGrant(t)
}

func TestRecordGrantOfAnUnknownSubjectIsDenied(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	_, err := w.authorize.RecordGrant(t.Context(), &consentv1.RecordGrantRequest{Sub: "nobody", ClientId: "c1", Scope: "openid"})
	if !errors.Is(err, oauth.AccessDenied) {
		t.Errorf("RecordGrant() = %v, want %v", err, oauth.AccessDenied)
	}
	w.checkNoGrant(t)
}

func TestOneWorkspaceWherePolicySaysSo(t *testing.T) {
	w := newWorld(t, preset.Consent{SingleWorkspace: true})
	if _, err := w.authorize.RecordGrant(t.Context(), recording("workspace:viewer", w.w1, w.w2)); !errors.Is(err, oauth.InvalidRequest) {
		t.Errorf("RecordGrant() of two = %v, want %v", err, oauth.InvalidRequest)
	}
	w.checkNoGrant(t)
	g := w.record(t, recording("workspace:viewer", w.w1))
	checkWorkspaces(t, g, w.w1)
	update := func(workspaces ...string) error {
		_, err := w.gateway.UpdateGrantResources(t.Context(), &consentv1.UpdateGrantResourcesRequest{
			GrantId: g.GetGrantId(), Sub: u1, WorkspaceIds: workspaces,
		})
		return err
	}
	// Another one is chosen when the client asks for it.
	for _, workspaces := range [][]string{nil, {w.w2}, {w.w1, w.w2}} {
		if err := update(workspaces...); !errors.Is(err, oauth.InvalidRequest) {
			t.Errorf("UpdateGrantResources(%d) = %v, want %v", len(workspaces), err, oauth.InvalidRequest)
		}
		w.checkUnchanged(t, g)
	}
	checkWorkspaces(t, w.record(t, recording("workspace:viewer", w.w2)), w.w1, w.w2)
	w.checkRestrictions(t, 0)
	if err := update(w.w2); err != nil {
		t.Fatal(err)
	}
	checkWorkspaces(t, w.get(t, g.GetGrantId()), w.w2)
	w.checkRestrictions(t, 1)
}

func TestASmallerSelectionEndsAccessTokens(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	g := w.record(t, recording("openid workspace:viewer", w.w1, w.w2))
	again := w.record(t, recording("workspace:member", w.w2, w.w3))
	if again.GetGrantId() != g.GetGrantId() || again.GetVersion() != g.GetVersion()+1 {
		t.Errorf("version %d of %s, want %d of %s", again.GetVersion(), again.GetGrantId(), g.GetVersion()+1, g.GetGrantId())
	}
	if again.GetScope() != "openid workspace:member workspace:viewer" {
		t.Errorf("scope = %q", again.GetScope())
	}
	checkWorkspaces(t, again, w.w2, w.w3)
	w.checkRestrictions(t, 1)
}

func TestUpdateGrantResources(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	g := w.record(t, recording("openid workspace:viewer", w.w1))
	update := func(workspaces, projects []string) (*consentv1.Grant, error) {
		resp, err := w.gateway.UpdateGrantResources(t.Context(), &consentv1.UpdateGrantResourcesRequest{
			GrantId: g.GetGrantId(), Sub: u1, WorkspaceIds: workspaces, ProjectIds: projects, Client: web(),
		})
		if err != nil {
			return nil, err
		}
		return w.get(t, resp.GetGrant().GetGrantId()), nil
	}
	refused := []struct {
		name                 string
		workspaces, projects []string
		want                 error
	}{
		{"nothing", nil, nil, oauth.InvalidRequest},
		{"a kind that the scope does not select", []string{w.w1}, []string{w.p1}, oauth.InvalidRequest},
		{"foreign", []string{w.w1, w.other}, nil, oauth.AccessDenied},
		{"twice", []string{w.w1, w.w1}, nil, oauth.InvalidRequest},
		{"malformed", []string{"*"}, nil, oauth.InvalidRequest},
	}
	for _, tt := range refused {
		if _, err := update(tt.workspaces, tt.projects); !errors.Is(err, tt.want) {
			t.Errorf("UpdateGrantResources(%s) = %v, want %v", tt.name, err, tt.want)
		}
		w.checkUnchanged(t, g)
	}

	added, err := update([]string{w.w1, w.w2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkWorkspaces(t, added, w.w1, w.w2)
	w.checkRestrictions(t, 0)
	removed, err := update([]string{w.w2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkWorkspaces(t, removed, w.w2)
	if removed.GetVersion() != g.GetVersion()+1 {
		t.Errorf("version = %d, want %d", removed.GetVersion(), g.GetVersion()+1)
	}
	w.checkRestrictions(t, 1)
}

// A subject that has nothing of a kind left can still take back the other one.
func TestUpdateWithNothingLeftToSelect(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	req := recording("workspace:viewer project:viewer", w.w1, w.w2)
	req.ProjectIds = []string{w.p1}
	g := w.record(t, req)
	update := &consentv1.UpdateGrantResourcesRequest{GrantId: g.GetGrantId(), Sub: u1, WorkspaceIds: []string{w.w2}}
	if _, err := w.gateway.UpdateGrantResources(t.Context(), update); !errors.Is(err, oauth.InvalidRequest) {
		t.Errorf("UpdateGrantResources() = %v, want %v", err, oauth.InvalidRequest)
	}
	w.directory.deleteProject(w.p1)
	w.directory.deleteProject(w.p3)
	if _, err := w.gateway.UpdateGrantResources(t.Context(), update); err != nil {
		t.Fatal(err)
	}
	left := w.get(t, g.GetGrantId())
	if len(left.GetProjects()) != 0 {
		t.Errorf("projects = %v", left.GetProjects())
	}
	checkWorkspaces(t, left, w.w2)
}

func TestN098_AGrantOfSomebodyElseIsNotFound(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	g := w.record(t, recording("workspace:viewer", w.w1))
	_, err := w.gateway.UpdateGrantResources(t.Context(), &consentv1.UpdateGrantResourcesRequest{
		GrantId: g.GetGrantId(), Sub: u2, WorkspaceIds: []string{w.other},
	})
	if !errors.Is(err, fault.NotFound) {
		t.Errorf("UpdateGrantResources() = %v, want %v", err, fault.NotFound)
	}
	w.checkUnchanged(t, g)
}

func TestRevokeGrant(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	g := w.record(t, recording("openid"))
	revoke := func(id string) error {
		_, err := w.gateway.RevokeGrant(t.Context(), &consentv1.RevokeGrantRequest{
			GrantId: id, Sub: u1, Reason: consentv1.RevokeGrantRequest_REASON_WITHDRAWN,
		})
		return err
	}
	for range 2 {
		if err := revoke(g.GetGrantId()); err != nil {
			t.Errorf("RevokeGrant() = %v", err)
		}
		w.checkRestrictions(t, 1)
	}
	if err := revoke(uuid.NewString()); !errors.Is(err, fault.NotFound) {
		t.Errorf("RevokeGrant() of none = %v, want %v", err, fault.NotFound)
	}
	for _, id := range []string{g.GetGrantId(), uuid.NewString()} {
		if _, err := w.token.GetGrant(t.Context(), &consentv1.GetGrantRequest{GrantId: id}); !errors.Is(err, fault.NotFound) {
			t.Errorf("GetGrant() = %v, want %v", err, fault.NotFound)
		}
	}
}

func TestN098_AGrantOfSomebodyElseCannotBeRevoked(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	g := w.record(t, recording("openid"))
	_, err := w.gateway.RevokeGrant(t.Context(), &consentv1.RevokeGrantRequest{GrantId: g.GetGrantId(), Sub: u2})
	if !errors.Is(err, fault.NotFound) {
		t.Errorf("RevokeGrant() by another = %v, want %v", err, fault.NotFound)
	}
	w.checkUnchanged(t, g)
	w.checkRestrictions(t, 0)
	// Who revokes for a reason of the server's need not know whose it is.
	for _, caller := range []consentv1.ConsentServiceClient{w.token, w.admin} {
		if _, err := caller.RevokeGrant(t.Context(), &consentv1.RevokeGrantRequest{GrantId: g.GetGrantId()}); err != nil {
			t.Errorf("RevokeGrant() = %v", err)
		}
	}
	w.checkRestrictions(t, 1)
}

func TestN098_TheGatewaySaysForWhomItAsks(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	g := w.record(t, recording("openid"))
	_, list := w.gateway.ListGrants(t.Context(), &consentv1.ListGrantsRequest{ClientId: "c1"})
	_, describe := w.gateway.DescribeGrants(t.Context(), &consentv1.DescribeGrantsRequest{})
	_, update := w.gateway.UpdateGrantResources(t.Context(), &consentv1.UpdateGrantResourcesRequest{GrantId: g.GetGrantId()})
	_, revoke := w.gateway.RevokeGrant(t.Context(), &consentv1.RevokeGrantRequest{GrantId: g.GetGrantId()})
	for name, err := range map[string]error{"ListGrants": list, "DescribeGrants": describe, "UpdateGrantResources": update, "RevokeGrant": revoke} {
		if !errors.Is(err, fault.Invalid) {
			t.Errorf("%s() without sub = %v, want %v", name, err, fault.Invalid)
		}
	}
	w.checkUnchanged(t, g)
	if list, err := w.gateway.ListGrants(t.Context(), &consentv1.ListGrantsRequest{Sub: u1}); err != nil || len(list.GetGrants()) != 1 {
		t.Errorf("ListGrants(%s) = %v, %v", u1, list, err)
	}
}

func TestMintingIsNotedByTheHour(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		g := w.record(t, recording("openid"))
		mint := func() *consentv1.Grant {
			_, err := w.token.UseGrant(t.Context(), &consentv1.UseGrantRequest{GrantId: g.GetGrantId(), Scope: "openid", Version: 1})
			if err != nil {
				t.Fatal(err)
			}
			return w.get(t, g.GetGrantId())
		}
		if w.get(t, g.GetGrantId()).GetLastUseTime() != nil {
			t.Error("the grant was used before anything was minted")
		}
		first := mint()
		if first.GetLastUseTime() == nil {
			t.Error("UseGrant() notes nothing")
		}
		if second := mint(); !proto.Equal(first, second) {
			t.Errorf("a second token makes %v of %v", second, first)
		}
		g.LastUseTime = first.GetLastUseTime()
		if !proto.Equal(g, first) {
			t.Errorf("minting makes %v of %v", first, g)
		}
	})
}

func TestListGrantsPages(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	want := make(map[string]bool)
	for _, client := range []string{"c1", "c2", "c3", "c4", "c5"} {
		want[w.record(t, &consentv1.RecordGrantRequest{Sub: u1, ClientId: client, Scope: "openid"}).GetGrantId()] = true
	}
	w.record(t, &consentv1.RecordGrantRequest{Sub: u2, ClientId: "c1", Scope: "openid"})
	got := make(map[string]bool)
	req := &consentv1.ListGrantsRequest{Sub: u1, PageSize: 2}
	for pages := 1; ; pages++ {
		resp, err := w.gateway.ListGrants(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range resp.GetGrants() {
			got[g.GetGrantId()] = true
		}
		if req.PageToken = resp.GetNextPageToken(); req.GetPageToken() == "" {
			if pages != 3 {
				t.Errorf("%d pages, want 3", pages)
			}
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
}

func TestN217_OnlyOurPageTokensAreRead(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	w.record(t, recording("openid"))
	w.record(t, &consentv1.RecordGrantRequest{Sub: u1, ClientId: "c2", Scope: "openid"})
	resp, err := w.admin.ListGrants(t.Context(), &consentv1.ListGrantsRequest{PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	token := resp.GetNextPageToken()
	for _, bad := range []string{"x", token + "=", token[1:], token[:len(token)-1], token + "A", "' OR 1=1", " " + token} {
		if _, err := w.admin.ListGrants(t.Context(), &consentv1.ListGrantsRequest{PageToken: bad}); !errors.Is(err, fault.Invalid) {
			t.Errorf("ListGrants(%q) = %v, want %v", bad, err, fault.Invalid)
		}
	}
	if resp, err = w.admin.ListGrants(t.Context(), &consentv1.ListGrantsRequest{PageToken: token}); err != nil || len(resp.GetGrants()) != 1 {
		t.Errorf("ListGrants() = %v, %v", resp.GetGrants(), err)
	}
}
