package consent_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chancery-auth/chancery/pkg/preset"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
)

// begin is a page that was allowed, as what descends from it asks of the grant.
func (w *world) begin(t *testing.T, req *consentv1.RecordGrantRequest) *consentv1.UseGrantRequest {
	t.Helper()
	resp, err := w.authorize.RecordGrant(t.Context(), req)
	if err != nil {
		t.Fatalf("RecordGrant() = %v", err)
	}
	return &consentv1.UseGrantRequest{
		GrantId: resp.GetGrant().GetGrantId(), Version: resp.GetGrant().GetVersion(), ClientIdentity: resp.GetClientIdentity(),
		WorkspaceId: resp.GetWorkspaceId(), Scope: req.GetScope(), Resource: req.GetResource(),
	}
}

// checkUse checks what a token gets: the scope that selects nothing, and the scope
// at each workspace and project.
func (w *world) checkUse(t *testing.T, req *consentv1.UseGrantRequest, scope string, at map[string]string) {
	t.Helper()
	resp, err := w.token.UseGrant(t.Context(), req)
	if err != nil {
		t.Fatalf("UseGrant() = %v", err)
	}
	got := make(map[string]string)
	for _, w := range resp.GetWorkspaces() {
		got[w.GetWorkspaceId()] = w.GetScope()
	}
	for _, p := range resp.GetProjects() {
		got[p.GetProjectId()] = p.GetScope()
	}
	if diff := cmp.Diff(at, got, cmpopts.EquateEmpty()); diff != "" || resp.GetScope() != scope {
		t.Errorf("a token gets %q, want %q, and at resources (-want +got):\n%s", resp.GetScope(), scope, diff)
	}
}

func TestN302_WhatIsAllowedInOneWorkspaceIsAllowedInNoOther(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		first := w.begin(t, recording("workspace:admin", w.w1))
		w.checkSkips(t, evaluating("workspace:admin"))
		second := w.begin(t, recording("workspace:viewer", w.w1, w.w2))
		w.checkUse(t, first, "", map[string]string{w.w1: "workspace:admin"})
		w.checkUse(t, second, "", map[string]string{w.w1: "workspace:viewer", w.w2: "workspace:viewer"})
		// One of the two would do: a client that silently got it would be taken to have both.
		w.checkAsks(t, evaluating("workspace:admin"))
		w.checkAsks(t, evaluating("workspace:member workspace:viewer"))
		w.checkSkips(t, evaluating("workspace:viewer"))
		// Allowed for both, it is silent again, and the first token has what it had.
		third := w.begin(t, recording("workspace:admin", w.w1, w.w2))
		w.checkSkips(t, evaluating("workspace:admin"))
		w.checkUse(t, third, "", map[string]string{w.w1: "workspace:admin", w.w2: "workspace:admin"})
		w.checkUse(t, first, "", map[string]string{w.w1: "workspace:admin"})
		w.checkUse(t, second, "", map[string]string{w.w1: "workspace:viewer", w.w2: "workspace:viewer"})
		w.checkRestrictionsIfAny(t, 0)
	})
}

func TestN302_ProjectsHaveTheirOwn(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		at := func(scope string, projects ...string) *consentv1.RecordGrantRequest {
			req := recording(scope)
			req.ProjectIds = projects
			return req
		}
		first := w.begin(t, at("project:member", w.p1))
		second := w.begin(t, at("openid project:viewer", w.p1, w.p3))
		w.checkUse(t, first, "", map[string]string{w.p1: "project:member"})
		w.checkUse(t, second, "openid", map[string]string{w.p1: "project:viewer", w.p3: "project:viewer"})
		w.checkAsks(t, evaluating("project:member"))
		w.checkSkips(t, evaluating("project:viewer"))
	})
}

func TestN303_AnotherIdentityHasWhatWasAllowedToIt(t *testing.T) {
	renamed := func(req *consentv1.RecordGrantRequest) *consentv1.RecordGrantRequest {
		req.ClientName, req.RedirectUri = "Bank", "https://two.example/cb"
		return req
	}
	asking := func(scope string) *consentv1.EvaluateRequest {
		req := evaluating(scope)
		req.Client.ClientName, req.RedirectUri = "Bank", "https://two.example/cb"
		return req
	}
	onBoth(t, func(t *testing.T, w *world) {
		first := w.begin(t, recording("openid workspace:admin", w.w1))
		second := w.begin(t, renamed(recording("openid")))
		w.checkAsks(t, asking("workspace:admin"))
		w.checkAsks(t, asking("openid workspace:viewer"))
		w.checkSkips(t, asking("openid"))
		// What it had begun before goes on, and what it begins now has no part of that.
		w.checkUse(t, first, "openid", map[string]string{w.w1: "workspace:admin"})
		second.Scope = "openid workspace:admin"
		w.checkUse(t, second, "openid", nil)
		w.begin(t, renamed(recording("workspace:viewer", w.w1)))
		w.checkSkips(t, asking("openid workspace:viewer"))
		w.checkAsks(t, asking("workspace:admin"))
	})
}

func TestOneOfSeveralWorkspacesStaysWithWhatWasBegunForIt(t *testing.T) {
	onBothWith(t, preset.Consent{SingleWorkspace: true}, func(t *testing.T, w *world) {
		first := w.begin(t, recording("workspace:viewer", w.w1))
		resp := w.evaluate(t, evaluating("workspace:viewer"))
		if resp.GetConsentRequired() || resp.GetWorkspaceId() != w.w1 {
			t.Errorf("Evaluate() = %v", resp)
		}
		second := w.begin(t, recording("workspace:member", w.w2))
		w.checkUse(t, first, "", map[string]string{w.w1: "workspace:viewer"})
		w.checkUse(t, second, "", map[string]string{w.w2: "workspace:member"})
		// Both would do for the one, and one of them for the other.
		w.checkAsks(t, evaluating("workspace:viewer"))
		if resp := w.evaluate(t, evaluating("workspace:member")); resp.GetConsentRequired() || resp.GetWorkspaceId() != w.w2 {
			t.Errorf("Evaluate() = %v", resp)
		}
	})
}

func TestTheAccountPageSharesByLevel(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		begun := w.begin(t, recording("openid workspace:admin", w.w1, w.w2))
		save := func(levels map[string]string, workspaces ...string) {
			t.Helper()
			_, err := w.gateway.UpdateGrantResources(t.Context(), &consentv1.UpdateGrantResourcesRequest{
				GrantId: begun.GetGrantId(), Sub: u1, WorkspaceIds: workspaces, Scopes: levels, Client: web(),
			})
			if err != nil {
				t.Fatalf("UpdateGrantResources() = %v", err)
			}
		}
		save(map[string]string{w.w1: "workspace:viewer"}, w.w1, w.w2)
		w.checkUse(t, begun, "openid", map[string]string{w.w1: "workspace:viewer", w.w2: "workspace:admin"})
		// A later page gives nothing back.
		w.begin(t, recording("workspace:admin", w.w1, w.w2))
		w.checkUse(t, begun, "openid", map[string]string{w.w1: "workspace:viewer", w.w2: "workspace:admin"})
		save(map[string]string{w.w3: "workspace:viewer"}, w.w2, w.w3)
		w.checkUse(t, begun, "openid", map[string]string{w.w2: "workspace:admin", w.w3: "workspace:viewer"})
		w.checkRestrictionsIfAny(t, 2)
	})
}

// Of what a client has begun with a resource indicator, another one has nothing.
func TestAnAudienceIsAllowedForItself(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	req := recording("openid workspace:viewer", w.w1)
	req.Resource = []string{"https://api.example"}
	begun := w.begin(t, req)
	w.checkUse(t, begun, "openid", map[string]string{w.w1: "workspace:viewer"})
	w.checkAsks(t, evaluating("openid"))
	asking := evaluating("openid workspace:viewer")
	asking.Resource = []string{"https://api.example"}
	w.checkSkips(t, asking)
	asking.Resource = append(asking.Resource, "https://other.example")
	w.checkAsks(t, asking)
	begun.Resource = nil
	w.checkUse(t, begun, "", nil)
}

// What was allowed without asking ends with the policy, and what the subject was
// asked about does not.
func TestWhatNobodyWasAskedAboutEndsWithThePolicy(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		own := evaluating("openid email")
		own.Client.SkipConsent = true
		if resp := w.evaluate(t, own); resp.GetConsentRequired() || !resp.GetUnrecorded() {
			t.Errorf("Evaluate() = %v", resp)
		}
		req := recording("openid email")
		req.ByPolicy = true
		begun := w.begin(t, req)
		if resp := w.evaluate(t, own); resp.GetConsentRequired() || resp.GetUnrecorded() {
			t.Errorf("Evaluate() = %v", resp)
		}
		begun.SkipConsent = true
		w.checkUse(t, begun, "openid email", nil)
		begun.SkipConsent = false
		w.checkUse(t, begun, "", nil)
		w.checkAsks(t, evaluating("openid"))
		asked := w.begin(t, recording("openid"))
		w.checkUse(t, asked, "openid", nil)
		w.checkSkips(t, evaluating("openid"))
	})
}
