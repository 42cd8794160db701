package granttest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

func findReturnsRecorded(t *testing.T, db Database) {
	d := decision(oauth.Scope{"openid", "email"}, both(), workspaces(1, 2), projects(3))
	g, restrictions := record(t, db, d)
	want := grant.Grant{
		ID: d.NewID, Sub: sub, ClientID: clientID, Scope: oauth.Scope{"openid", "email"},
		Workspaces: workspaces(1, 2), Projects: projects(3), Version: 1,
		CreateTime: g.CreateTime, UpdateTime: g.UpdateTime,
	}
	if diff := cmp.Diff(want, g); diff != "" {
		t.Errorf("Record() (-want +got):\n%s", diff)
	}
	if g.CreateTime.IsZero() || g.UpdateTime.Before(g.CreateTime) {
		t.Errorf("created at %v, updated at %v", g.CreateTime, g.UpdateTime)
	}
	if diff := cmp.Diff(g, find(t, db, g.ID)); diff != "" {
		t.Errorf("Find() (-want +got):\n%s", diff)
	}
	pair, _, err := db.FindPair(t.Context(), sub, clientID, grant.Identity{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(g, pair); diff != "" {
		t.Errorf("FindPair() (-want +got):\n%s", diff)
	}
	if len(restrictions) != 0 {
		t.Errorf("a new grant restricts %v", restrictions)
	}
	checkLog(t, db)
}

func laterDecisionJoins(t *testing.T, db Database) {
	first, _ := record(t, db, decision(oauth.Scope{"openid"}, grant.Kinds{Workspaces: true}, workspaces(1), nil))
	second, restrictions := record(t, db, decision(oauth.Scope{"email", "openid"}, grant.Kinds{Workspaces: true}, workspaces(1, 2), nil))
	if second.ID != first.ID || !second.CreateTime.Equal(first.CreateTime) {
		t.Errorf("the second decision made grant %v, want %v", second.ID, first.ID)
	}
	if !second.Scope.Equal(oauth.Scope{"openid", "email"}) {
		t.Errorf("scope = %v", second.Scope)
	}
	if diff := cmp.Diff(workspaces(1, 2), second.Workspaces); diff != "" {
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

func otherKindStays(t *testing.T, db Database) {
	g, _ := record(t, db, decision(oauth.Scope{"a"}, both(), workspaces(1), projects(2)))
	record(t, db, decision(oauth.Scope{"a"}, grant.Kinds{Workspaces: true}, workspaces(1), nil))
	record(t, db, decision(oauth.Scope{"a"}, grant.Kinds{Projects: true}, nil, projects(2)))
	record(t, db, decision(oauth.Scope{"a"}, grant.Kinds{}, nil, nil))
	got := find(t, db, g.ID)
	if diff := cmp.Diff(workspaces(1), got.Workspaces); diff != "" {
		t.Errorf("workspaces (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(projects(2), got.Projects); diff != "" {
		t.Errorf("projects (-want +got):\n%s", diff)
	}
	checkLog(t, db)
}

func lossRestricts(t *testing.T, db Database) {
	g, _ := record(t, db, decision(oauth.Scope{"a"}, both(), workspaces(1, 2), projects(3, 4)))
	_, restrictions, err := db.Change(t.Context(), g.ID, grant.Change{Kinds: both(), Workspaces: workspaces(2), Projects: projects(3, 4)})
	if err != nil {
		t.Fatal(err)
	}
	want := []coherent.Restriction{coherent.Grant(g.ID, 2)}
	if diff := cmp.Diff(want, restrictions); diff != "" {
		t.Errorf("Change() restricts (-want +got):\n%s", diff)
	}
	_, again := record(t, db, decision(oauth.Scope{"b"}, grant.Kinds{Projects: true}, nil, projects(4, 5)))
	if diff := cmp.Diff([]coherent.Restriction{coherent.Grant(g.ID, 3)}, again); diff != "" {
		t.Errorf("Record() restricts (-want +got):\n%s", diff)
	}
	_, none, err := db.Change(t.Context(), g.ID, grant.Change{Kinds: both(), Workspaces: workspaces(1, 2), Projects: projects(4, 5)})
	if err != nil || len(none) != 0 {
		t.Errorf("Change() that adds = %v, %v", none, err)
	}
	if got := find(t, db, g.ID); got.Version != 3 || !got.Scope.Equal(oauth.Scope{"a", "b"}) {
		t.Errorf("version = %d, scope = %v", got.Version, got.Scope)
	}
	checkLog(t, db, coherent.Grant(g.ID, 2), coherent.Grant(g.ID, 3))
}

func newMembershipRestricts(t *testing.T, db Database) {
	before := []grant.SharedWorkspace{{ID: id(1), MembershipID: id(2)}}
	after := []grant.SharedWorkspace{{ID: id(1), MembershipID: id(3)}}
	record(t, db, decision(oauth.Scope{"a"}, grant.Kinds{Workspaces: true}, before, nil))
	g, restrictions := record(t, db, decision(oauth.Scope{"a"}, grant.Kinds{Workspaces: true}, after, nil))
	if len(restrictions) != 1 {
		t.Errorf("restrictions = %v, want one", restrictions)
	}
	if diff := cmp.Diff(after, find(t, db, g.ID).Workspaces); diff != "" {
		t.Errorf("workspaces (-want +got):\n%s", diff)
	}
}

func emptyIsNone(t *testing.T, db Database) {
	g, _ := record(t, db, decision(oauth.Scope{"a"}, both(), workspaces(1), projects(2)))
	changed, restrictions, err := db.Change(t.Context(), g.ID, grant.Change{Kinds: both()})
	if err != nil {
		t.Fatal(err)
	}
	got := find(t, db, g.ID)
	if len(got.Workspaces)+len(got.Projects)+len(changed.Workspaces)+len(changed.Projects) != 0 {
		t.Errorf("still shared: %v %v", got.Workspaces, got.Projects)
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
	g, _ := record(t, db, decision(oauth.Scope{"a"}, both(), workspaces(ns...), projects(ns...)))
	if diff := cmp.Diff(g, find(t, db, g.ID)); diff != "" {
		t.Errorf("Find() (-want +got):\n%s", diff)
	}
}

func pairsByBytes(t *testing.T, db Database) {
	subs := []string{"a", "A", "\uff41", "\u00e9", "e\u0301", "a ", "o'; --", "%", "\U0001f642"}
	ids := make(map[uuid.UUID]string)
	for _, s := range subs {
		d := decision(oauth.Scope{"a"}, grant.Kinds{}, nil, nil)
		d.Sub, d.ClientID = s, s
		g, _ := record(t, db, d)
		ids[g.ID] = s
		found, _, err := db.FindPair(t.Context(), s, s, grant.Identity{})
		if err != nil || found.ID != g.ID || found.Sub != s || found.ClientID != s {
			t.Errorf("FindPair(%q) = %+v, %v", s, found, err)
		}
	}
	if len(ids) != len(subs) {
		t.Errorf("%d pairs have %d grants", len(subs), len(ids))
	}
	for _, s := range []string{"a\x00", "\x00", ""} {
		_, _, err := db.FindPair(t.Context(), s, "a", grant.Identity{})
		isNotFound(t, "FindPair of nobody", err)
		_, _, err = db.FindPair(t.Context(), "a", s, grant.Identity{})
		isNotFound(t, "FindPair of no client", err)
	}
}
