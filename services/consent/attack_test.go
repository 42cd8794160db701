package consent_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
)

func TestN026_ConsentIsRequiredWithoutAGrantThatCoversTheRequest(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	w.checkAsks(t, evaluating("openid"))
	w.record(t, recording("openid workspace:viewer", w.w1, w.w2))
	w.checkSkips(t, evaluating("openid workspace:viewer"))
	w.checkAsks(t, evaluating("openid email"))
	w.directory.leave(w.w1)
	w.checkSkips(t, evaluating("openid workspace:viewer"))
	w.directory.leave(w.w2)
	w.checkAsks(t, evaluating("openid workspace:viewer"))
	w.checkSkips(t, evaluating("openid"))
}

func TestN082_ApprovalsOnTwoReplicasMakeOneGrant(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		const approvals = 16
		granted := make([]*consentv1.Grant, approvals)
		errs := make([]error, approvals)
		var wg sync.WaitGroup
		for i := range approvals {
			wg.Go(func() {
				replica := []consentv1.ConsentServiceClient{w.authorize, w.replica}[i%2]
				resp, err := replica.RecordGrant(t.Context(), recording("openid workspace:viewer", w.w1, w.w2))
				granted[i], errs[i] = resp.GetGrant(), err
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		for _, g := range granted {
			if g.GetGrantId() != granted[0].GetGrantId() || g.GetVersion() != 1 {
				t.Errorf("grant %s of version %d, want %s of 1", g.GetGrantId(), g.GetVersion(), granted[0].GetGrantId())
			}
		}
		checkWorkspaces(t, w.get(t, granted[0].GetGrantId()), w.w1, w.w2)
	})
}

func TestN084_AForgedSelectionIsRefusedWhole(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	deleted := w.directory.project(w.w1, "Deleted")
	w.directory.deleteProject(deleted)
	tests := []struct {
		name                 string
		workspaces, projects []string
		want                 error
	}{
		{"foreign workspace", []string{w.w1, w.other}, []string{w.p1}, oauth.AccessDenied},
		{"foreign project", []string{w.w1}, []string{w.p1, w.foreign}, oauth.AccessDenied},
		{"workspace that never was", []string{w.w1, uuid.NewString()}, []string{w.p1}, oauth.AccessDenied},
		{"deleted project", []string{w.w1}, []string{deleted}, oauth.AccessDenied},
		{"project as a workspace", []string{w.p1}, []string{w.p1}, oauth.AccessDenied},
		{"star", []string{"*"}, []string{w.p1}, oauth.InvalidRequest},
		{"all", []string{w.w1, "all"}, []string{w.p1}, oauth.InvalidRequest},
		{"empty string", []string{w.w1, ""}, []string{w.p1}, oauth.InvalidRequest},
		{"malformed", []string{w.w1}, []string{w.p1[1:]}, oauth.InvalidRequest},
		{"another spelling", []string{"{" + w.w1 + "}"}, []string{w.p1}, oauth.InvalidRequest},
		{"without hyphens", []string{strings.ReplaceAll(w.w1, "-", "")}, []string{w.p1}, oauth.InvalidRequest},
		{"the same twice", []string{w.w1, w.w2, w.w1}, []string{w.p1}, oauth.InvalidRequest},
		{"the same project twice", []string{w.w1}, []string{w.p1, w.p1}, oauth.InvalidRequest},
		{"1001", manyIDs(1001), []string{w.p1}, oauth.InvalidRequest},
		{"10001", manyIDs(10_001), []string{w.p1}, oauth.InvalidRequest},
		{"10001 projects", []string{w.w1}, manyIDs(10_001), oauth.InvalidRequest},
		{"1000 of which none is theirs", manyIDs(1000), []string{w.p1}, oauth.AccessDenied},
	}
	for _, tt := range tests {
		req := recording("openid workspace:viewer project:viewer", tt.workspaces...)
		req.ProjectIds = tt.projects
		if _, err := w.authorize.RecordGrant(t.Context(), req); !errors.Is(err, tt.want) {
			t.Errorf("%s: RecordGrant() = %v, want %v", tt.name, err, tt.want)
		}
		w.checkNoGrant(t)
	}
	legal := recording("openid workspace:viewer project:viewer", w.w1, w.w2)
	legal.ProjectIds = []string{w.p1}
	w.record(t, legal)
}

func manyIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = uuid.NewString()
	}
	return ids
}

func TestN085_NothingSelectedNeverMeansAll(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	tests := []struct {
		name                 string
		scope                string
		workspaces, projects []string
	}{
		{"no workspace", "openid workspace:viewer", nil, nil},
		{"empty list", "openid workspace:viewer", []string{}, []string{}},
		{"no project", "project:viewer", nil, nil},
		{"workspace but no project", "workspace:viewer project:viewer", []string{w.w1}, nil},
		{"project but no workspace", "workspace:viewer project:viewer", nil, []string{w.p1}},
		{"workspaces without a scope for them", "openid", []string{w.w1}, nil},
		{"projects without a scope for them", "workspace:viewer", []string{w.w1}, []string{w.p1}},
	}
	for _, tt := range tests {
		req := recording(tt.scope, tt.workspaces...)
		req.ProjectIds = tt.projects
		if _, err := w.authorize.RecordGrant(t.Context(), req); !errors.Is(err, oauth.InvalidRequest) {
			t.Errorf("%s: RecordGrant() = %v, want %v", tt.name, err, oauth.InvalidRequest)
		}
		w.checkNoGrant(t)
	}
	g := w.record(t, recording("openid"))
	if len(g.GetWorkspaces())+len(g.GetProjects()) != 0 {
		t.Errorf("a grant without selection shares %v %v", g.GetWorkspaces(), g.GetProjects())
	}
}

func TestN086_WhoLeftMeanwhileSharesNothing(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	if shown := w.evaluate(t, evaluating("workspace:viewer")).GetWorkspaces(); len(shown) != 3 {
		t.Fatalf("%d choices, want 3", len(shown))
	}
	w.directory.leave(w.w1)
	if _, err := w.authorize.RecordGrant(t.Context(), recording("workspace:viewer", w.w1, w.w2)); !errors.Is(err, oauth.AccessDenied) {
		t.Errorf("RecordGrant() = %v, want %v", err, oauth.AccessDenied)
	}
	w.checkNoGrant(t)
	w.record(t, recording("workspace:viewer", w.w2))
}

// The directory is asked within the request that grants. What ends between its
// answer and the grant is kept under a membership that is no more, and so is
// worth nothing: not even when the user joins again.
func TestN086_AMembershipThatEndsWhileItIsSharedSharesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.directory.afterAnswer = func() { w.directory.leave(w.w1) }
		g := w.record(t, recording("workspace:viewer", w.w1))
		w.directory.afterAnswer = nil
		w.checkAsks(t, evaluating("workspace:viewer"))
		w.directory.join(u1, w.w1, "One", "admin")
		got := w.evaluate(t, evaluating("workspace:viewer"))
		for _, c := range got.GetWorkspaces() {
			if c.GetSelected() {
				t.Errorf("%s is selected", c.GetName())
			}
		}
		if !got.GetConsentRequired() {
			t.Error("Evaluate() does not ask")
		}
		w.checkUnchanged(t, g)
	})
}

func TestN087_TheRoleCapsWhatIsShared(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	want := map[string]string{w.w1: "admin", w.w2: "member", w.w3: "viewer"}
	for _, c := range w.evaluate(t, evaluating("workspace:admin")).GetWorkspaces() {
		if c.GetSharedRole() != want[c.GetWorkspaceId()] {
			t.Errorf("%s is shared as %s, want %s", c.GetName(), c.GetSharedRole(), want[c.GetWorkspaceId()])
		}
	}
	want = map[string]string{w.p1: "member", w.p3: "viewer"}
	for _, c := range w.evaluate(t, evaluating("project:member")).GetProjects() {
		if c.GetSharedRole() != want[c.GetProjectId()] {
			t.Errorf("%s is shared as %s, want %s", c.GetName(), c.GetSharedRole(), want[c.GetProjectId()])
		}
	}
}

func TestN088_AHigherLevelIsAskedFor(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	w.record(t, recording("workspace:viewer", w.w1))
	w.checkAsks(t, evaluating("workspace:member"))
	w.checkSkips(t, evaluating("workspace:viewer"))
}

func TestN089_NothingNewIsSharedUnasked(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	g := w.record(t, recording("workspace:viewer", w.w1, w.w2))
	w.directory.leave(w.w2)
	w.directory.join(u1, w.w2, "Two", "admin") // another membership
	fresh := uuid.NewString()
	w.directory.join(u1, fresh, "Fresh", "admin")

	got := w.evaluate(t, evaluating("workspace:viewer"))
	if got.GetConsentRequired() {
		t.Error("Evaluate() asks, though a workspace is left")
	}
	for _, c := range got.GetWorkspaces() {
		if want := c.GetWorkspaceId() == w.w1; c.GetSelected() != want {
			t.Errorf("%s is selected: %v, want %v", c.GetName(), c.GetSelected(), want)
		}
	}
	w.checkUnchanged(t, g)
}

func TestN090_ARevokedGrantIsAskedForAgain(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	g := w.record(t, recording("openid workspace:viewer", w.w1))
	_, err := w.gateway.RevokeGrant(t.Context(), &consentv1.RevokeGrantRequest{GrantId: g.GetGrantId(), Sub: u1})
	if err != nil {
		t.Fatal(err)
	}
	got := w.evaluate(t, evaluating("openid workspace:viewer"))
	if !got.GetConsentRequired() || got.GetGrant() != nil {
		t.Errorf("Evaluate() asks: %v, grant %v", got.GetConsentRequired(), got.GetGrant())
	}
	for _, c := range got.GetWorkspaces() {
		if c.GetSelected() {
			t.Errorf("%s is selected", c.GetName())
		}
	}
	if next := w.record(t, recording("openid")); next.GetGrantId() == g.GetGrantId() || len(next.GetWorkspaces()) != 0 {
		t.Errorf("the next grant inherits: %v", next)
	}
}

// RFC 8252 §8.6 has them asked; a provider may see it otherwise.
func TestN027_PublicClientsAreSkippedWhereThePolicyLetsThem(t *testing.T) {
	native := func(scope string) *consentv1.EvaluateRequest {
		req := evaluating(scope)
		req.RedirectUri = "com.example.app:/cb"
		req.Client.TokenEndpointAuthMethod, req.Client.RedirectUris = oauth.AuthNone, []string{req.GetRedirectUri()}
		return req
	}
	for _, lets := range []bool{true, false} {
		w := newWorld(t, preset.Consent{SkipPublic: lets})
		allowed := recording("openid workspace:viewer workspace:member", w.w1)
		allowed.RedirectUri = "com.example.app:/cb"
		w.record(t, allowed)
		for scope, covered := range map[string]bool{
			"openid": true, "openid workspace:member workspace:viewer": true, "openid workspace:admin": false,
		} {
			if got := !w.evaluate(t, native(scope)).GetConsentRequired(); got != (lets && covered) {
				t.Errorf("Evaluate(%q) skips: %v, and the policy lets it: %v", scope, got, lets)
			}
		}
		unverified := native("openid")
		unverified.Client.Unverified = true
		w.checkAsks(t, unverified)
	}
}

// RFC 9700 §4.15.
func TestN090_AClientThatComesAsAnotherIsAskedAbout(t *testing.T) {
	changes := map[string]func(*consentv1.EvaluateRequest){
		"name":        func(r *consentv1.EvaluateRequest) { r.Client.ClientName = "Bank" },
		"owner":       func(r *consentv1.EvaluateRequest) { r.Client.WorkspaceId = uuid.NewString() },
		"destination": func(r *consentv1.EvaluateRequest) { r.RedirectUri = "https://two.example/cb" },
	}
	onBoth(t, func(t *testing.T, w *world) {
		g := w.record(t, recording("openid"))
		w.checkSkips(t, evaluating("openid"))
		another := evaluating("openid")
		another.RedirectUri = "https://app.example/another?path=1"
		w.checkSkips(t, another)
		for what, change := range changes {
			changed := evaluating("openid")
			change(changed)
			w.checkAsks(t, changed)
			decided := recording("openid")
			decided.ClientName, decided.WorkspaceId = changed.GetClient().GetClientName(), changed.GetClient().GetWorkspaceId()
			decided.RedirectUri = changed.GetRedirectUri()
			if again := w.record(t, decided); again.GetGrantId() != g.GetGrantId() {
				t.Errorf("%s: the decision made %v of %v", what, again, g)
			}
			w.checkSkips(t, changed)
			// Under what was allowed before, nothing is asked either.
			w.checkSkips(t, evaluating("openid"))
		}
		// Two changes that were allowed apart are no third together.
		both := evaluating("openid")
		changes["name"](both)
		changes["destination"](both)
		w.checkAsks(t, both)
	})
}

// A grant may be older than the identities.
func TestN090_AGrantWithoutIdentityIsAskedForAgain(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	w.record(t, &consentv1.RecordGrantRequest{Sub: u1, ClientId: "c1", Scope: "openid"})
	w.checkAsks(t, evaluating("openid"))
	unsaid := evaluating("openid")
	unsaid.RedirectUri = ""
	w.checkAsks(t, unsaid)
	own := evaluating("openid")
	own.Client.SkipConsent = true
	w.checkSkips(t, own)
	w.record(t, recording("openid"))
	w.checkSkips(t, evaluating("openid"))
}

func TestN090_WhatWasAllowedToARevokedGrantIsForgotten(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	g := w.record(t, recording("openid"))
	_, err := w.gateway.RevokeGrant(t.Context(), &consentv1.RevokeGrantRequest{GrantId: g.GetGrantId(), Sub: u1})
	if err != nil {
		t.Fatal(err)
	}
	renamed := recording("openid")
	renamed.ClientName = "Bank"
	w.record(t, renamed)
	w.checkAsks(t, evaluating("openid"))
}

// OIDC Core §3.1.2.1.
func TestN091_PromptConsentAlwaysAsks(t *testing.T) {
	w := newWorld(t, preset.Consent{SkipPublic: true})
	w.record(t, recording("openid"))
	own := evaluating("openid")
	own.Client.SkipConsent = true
	w.checkSkips(t, own)
	own.PromptConsent = true
	w.checkAsks(t, own)
}

// A denial calls nothing here: what remains is that asking changes nothing.
func TestN097_AskingLeavesTheGrantAsItIs(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	g := w.record(t, recording("workspace:viewer", w.w1))
	req := evaluating("openid workspace:admin project:viewer")
	req.PromptConsent = true
	w.checkAsks(t, req)
	w.checkUnchanged(t, g)
	w.checkRestrictions(t, 0)
}
