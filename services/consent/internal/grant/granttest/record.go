package granttest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

func findReturnsRecorded(t *testing.T, db Database) {
	d := decision(oauth.Scope{"openid", "email"}, both(workspaces(1, 2), projects(3))...)
	g, restrictions := record(t, db, d)
	if g.ID != d.NewID || g.Sub != sub || g.ClientID != clientID || g.Version != 1 || !g.Scope.Equal(oauth.Scope{"openid", "email"}) {
		t.Errorf("Record() = %+v", g)
	}
	if diff := cmp.Diff(both(workspaces(1, 2), projects(3)), resourcesOf(g)); diff != "" {
		t.Errorf("Record() (-want +got):\n%s", diff)
	}
	if g.CreateTime.IsZero() || g.UpdateTime.Before(g.CreateTime) {
		t.Errorf("created at %v, updated at %v", g.CreateTime, g.UpdateTime)
	}
	if diff := cmp.Diff(g, find(t, db, g.ID)); diff != "" {
		t.Errorf("Find() (-want +got):\n%s", diff)
	}
	pair, err := db.FindPair(t.Context(), sub, clientID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(grant.Stored{Grant: g}, pair); diff != "" {
		t.Errorf("FindPair() (-want +got):\n%s", diff)
	}
	if len(restrictions) != 0 {
		t.Errorf("a new grant restricts %v", restrictions)
	}
	checkLog(t, db)
}

// approvalsAreKept covers every column, in the order in which they are found.
func approvalsAreKept(t *testing.T, db Database) {
	want := []grant.Approval{
		{Scope: oauth.Scope{"a"}, Version: 9},
		{Scope: oauth.Scope{"a"}, Version: 9, ByPolicy: true},
		{Scope: oauth.Scope{"a", "b"}, At: grant.Place{Audience: "https://api.example/\"{},'"}, Version: 2},
		{Scope: oauth.Scope{"p"}, At: grant.Place{Identity: identity(1), Resource: projects(1)[0]}},
		{Scope: oauth.Scope{"w"}, At: grant.Place{Identity: identity(1), Resource: workspaces(1)[0]}},
		{Scope: oauth.Scope{"x"}, At: grant.Place{Identity: identity(1), Resource: workspaces(1)[0]}, Version: 3},
		{Scope: oauth.Scope{"w"}, At: grant.Place{Identity: identity(2), Resource: workspaces(1)[0]}},
	}
	d := decision(nil)
	d.Change = func(before grant.Stored) grant.After {
		g := before.Grant
		g.Scope, g.Approvals, g.FormerIdentity, g.Version = oauth.Scope{"a"}, want, identity(2), 9
		return grant.After{Grant: g, Former: grant.Former{Scope: oauth.Scope{"-"}}}
	}
	g, _ := record(t, db, d)
	got := find(t, db, g.ID)
	if diff := cmp.Diff(want, got.Approvals); diff != "" || got.FormerIdentity != identity(2) || got.Version != 9 {
		t.Errorf("version %d, former identity %x, approvals (-want +got):\n%s", got.Version, got.FormerIdentity, diff)
	}
}

func changesSeeOneAnother(t *testing.T, db Database) {
	var seen []grant.Stored
	d := decision(nil)
	d.Change = func(before grant.Stored) grant.After {
		seen = append(seen, before)
		before.Version += 5
		return grant.After{Grant: before.Grant, Former: grant.Former{Scope: oauth.Scope{"-"}}}
	}
	first, _ := record(t, db, d)
	again := d
	again.NewID = uuid.New()
	second, _ := record(t, db, again)
	third, _, err := db.Change(t.Context(), first.ID, d.Change)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []grant.Grant{{Version: 0}, first, second} {
		if got := seen[i]; got.ID != d.NewID || got.Version != want.Version || got.Former != nil {
			t.Errorf("change %d has %+v before it, want version %d", i, got, want.Version)
		}
	}
	if third.Version != 15 {
		t.Errorf("version = %d, want 15", third.Version)
	}
}

func laterDecisionJoins(t *testing.T, db Database) {
	first, _ := record(t, db, decision(oauth.Scope{"openid"}, workspaces(1)...))
	second, restrictions := record(t, db, decision(oauth.Scope{"email", "openid"}, workspaces(1, 2)...))
	if second.ID != first.ID || !second.CreateTime.Equal(first.CreateTime) {
		t.Errorf("the second decision made grant %v, want %v", second.ID, first.ID)
	}
	if !second.Scope.Equal(oauth.Scope{"openid", "email"}) {
		t.Errorf("scope = %v", second.Scope)
	}
	if diff := cmp.Diff(workspaces(1, 2), resourcesOf(second)); diff != "" {
		t.Errorf("workspaces (-want +got):\n%s", diff)
	}
	if second.Version != 1 || len(restrictions) != 0 {
		t.Errorf("more was allowed: version = %d, restrictions = %v", second.Version, restrictions)
	}
	if diff := cmp.Diff(second, find(t, db, first.ID)); diff != "" {
		t.Errorf("Find() (-want +got):\n%s", diff)
	}
	checkLog(t, db)
}

func lossRestricts(t *testing.T, db Database) {
	g, _ := record(t, db, decision(oauth.Scope{"a"}, both(workspaces(1, 2), projects(3, 4))...))
	_, restrictions, err := db.Change(t.Context(), g.ID, allowing(nil, both(workspaces(2), projects(3, 4))...))
	if err != nil {
		t.Fatal(err)
	}
	want := []coherent.Restriction{coherent.Grant(g.ID, 2).Of(g.ClientID)}
	if diff := cmp.Diff(want, restrictions); diff != "" {
		t.Errorf("Change() restricts (-want +got):\n%s", diff)
	}
	_, again := record(t, db, decision(oauth.Scope{"b"}, both(workspaces(2), projects(4, 5))...))
	if diff := cmp.Diff([]coherent.Restriction{coherent.Grant(g.ID, 3).Of(g.ClientID)}, again); diff != "" {
		t.Errorf("Record() restricts (-want +got):\n%s", diff)
	}
	_, none, err := db.Change(t.Context(), g.ID, allowing(nil, both(workspaces(1, 2), projects(4, 5))...))
	if err != nil || len(none) != 0 {
		t.Errorf("Change() that adds = %v, %v", none, err)
	}
	if got := find(t, db, g.ID); got.Version != 3 || !got.Scope.Equal(oauth.Scope{"a", "b"}) {
		t.Errorf("version = %d, scope = %v", got.Version, got.Scope)
	}
	checkLog(t, db, coherent.Grant(g.ID, 2).Of(g.ClientID), coherent.Grant(g.ID, 3).Of(g.ClientID))
}

func newMembershipRestricts(t *testing.T, db Database) {
	before := grant.Resource{Kind: preset.Workspace, ID: id(1), WorkspaceID: id(1), MembershipID: id(2)}
	after := before
	after.MembershipID = id(3)
	record(t, db, decision(oauth.Scope{"a"}, before))
	g, restrictions := record(t, db, decision(oauth.Scope{"a"}, after))
	if len(restrictions) != 1 {
		t.Errorf("restrictions = %v, want one", restrictions)
	}
	if diff := cmp.Diff([]grant.Resource{after}, resourcesOf(find(t, db, g.ID))); diff != "" {
		t.Errorf("workspaces (-want +got):\n%s", diff)
	}
}

func emptyIsNone(t *testing.T, db Database) {
	g, _ := record(t, db, decision(oauth.Scope{"a"}, both(workspaces(1), projects(2))...))
	changed, restrictions, err := db.Change(t.Context(), g.ID, allowing(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := find(t, db, g.ID); len(resourcesOf(got))+len(resourcesOf(changed)) != 0 {
		t.Errorf("still shared: %v", resourcesOf(got))
	}
	if len(restrictions) != 1 {
		t.Errorf("restrictions = %v, want one", restrictions)
	}
}

func thousandResources(t *testing.T, db Database) {
	ns := make([]int, 1000)
	for i := range ns {
		ns[i] = i
	}
	g, _ := record(t, db, decision(oauth.Scope{"a"}, both(workspaces(ns...), projects(ns...))...))
	if diff := cmp.Diff(g, find(t, db, g.ID)); diff != "" {
		t.Errorf("Find() (-want +got):\n%s", diff)
	}
}

func pairsByBytes(t *testing.T, db Database) {
	subs := []string{"a", "A", "\uff41", "\u00e9", "e\u0301", "a ", "o'; --", "%", "\U0001f642"}
	ids := make(map[uuid.UUID]string)
	for _, s := range subs {
		d := decision(oauth.Scope{"a"})
		d.Sub, d.ClientID = s, s
		g, _ := record(t, db, d)
		ids[g.ID] = s
		found, err := db.FindPair(t.Context(), s, s)
		if err != nil || found.ID != g.ID || found.Sub != s || found.ClientID != s {
			t.Errorf("FindPair(%q) = %+v, %v", s, found, err)
		}
	}
	if len(ids) != len(subs) {
		t.Errorf("%d pairs have %d grants", len(subs), len(ids))
	}
	for _, s := range []string{"a\x00", "\x00", ""} {
		_, err := db.FindPair(t.Context(), s, "a")
		isNotFound(t, "FindPair of nobody", err)
		_, err = db.FindPair(t.Context(), "a", s)
		isNotFound(t, "FindPair of no client", err)
	}
}
