package granttest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

const callers = 16

func revokedIsGone(t *testing.T, db Database) {
	g, _ := record(t, db, decision(oauth.Scope{"a", "b"}, both(workspaces(1), projects(2))...))
	restrictions, err := db.Revoke(t.Context(), g.ID, "", grant.ReasonWithdrawn)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]coherent.Restriction{coherent.Grant(g.ID, 2).Of(g.ClientID)}, restrictions); diff != "" {
		t.Errorf("Revoke() restricts (-want +got):\n%s", diff)
	}
	_, err = db.Find(t.Context(), g.ID)
	isNotFound(t, "Find()", err)
	_, err = db.FindPair(t.Context(), sub, clientID)
	isNotFound(t, "FindPair()", err)
	_, _, err = db.Change(t.Context(), g.ID, allowing(nil, workspaces(1)...))
	isNotFound(t, "Change()", err)
	if list, err := db.List(t.Context(), grant.Filter{}, grant.Cursor{}, 10); err != nil || len(list) != 0 {
		t.Errorf("List() = %v, %v", list, err)
	}

	next, _ := record(t, db, decision(oauth.Scope{"a"}))
	if next.ID == g.ID || !next.Scope.Equal(oauth.Scope{"a"}) || len(resourcesOf(next)) != 0 {
		t.Errorf("the next grant inherits: %+v", next)
	}
	checkLog(t, db, coherent.Grant(g.ID, 2).Of(g.ClientID))
}

func revokeTwice(t *testing.T, db Database) {
	g, _ := record(t, db, decision(oauth.Scope{"a"}))
	for _, why := range []grant.Reason{grant.ReasonReuse, grant.ReasonAdmin, grant.ReasonUnspecified, grant.ReasonWithdrawn} {
		if _, err := db.Revoke(t.Context(), g.ID, "", why); err != nil {
			t.Errorf("Revoke(%s) = %v", why, err)
		}
	}
	if restrictions, err := db.Revoke(t.Context(), g.ID, "", grant.ReasonAdmin); err != nil || len(restrictions) != 0 {
		t.Errorf("Revoke() again = %v, %v", restrictions, err)
	}
	checkLog(t, db, coherent.Grant(g.ID, 2).Of(g.ClientID))
}

func revokeIsOfTheOwner(t *testing.T, db Database) {
	g, _ := record(t, db, decision(oauth.Scope{"a"}))
	for _, other := range []string{"another", "Subject", "subject ", "subject\x00", "\x00"} {
		_, err := db.Revoke(t.Context(), g.ID, other, grant.ReasonWithdrawn)
		isNotFound(t, "Revoke() by "+other, err)
	}
	find(t, db, g.ID)
	checkLog(t, db)
	for range 2 {
		if _, err := db.Revoke(t.Context(), g.ID, sub, grant.ReasonWithdrawn); err != nil {
			t.Errorf("Revoke() by its subject = %v", err)
		}
	}
	_, err := db.Revoke(t.Context(), g.ID, "another", grant.ReasonWithdrawn)
	isNotFound(t, "Revoke() of a revoked grant by another", err)
	checkLog(t, db, coherent.Grant(g.ID, 2).Of(g.ClientID))
}

func unknownIsNotFound(t *testing.T, db Database) {
	_, err := db.Find(t.Context(), uuid.New())
	isNotFound(t, "Find()", err)
	_, err = db.FindPair(t.Context(), sub, clientID)
	isNotFound(t, "FindPair()", err)
	_, _, err = db.Change(t.Context(), uuid.New(), allowing(nil))
	isNotFound(t, "Change()", err)
	_, err = db.Revoke(t.Context(), uuid.New(), "", grant.ReasonAdmin)
	isNotFound(t, "Revoke()", err)
	checkLog(t, db)
}

func decisionsMakeOneGrant(t *testing.T, db Database) {
	granted := make([]grant.Grant, callers)
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			d := decision(oauth.Scope{fmt.Sprint("scope", i)}, projects(7)...)
			granted[i], _, errs[i] = db.Record(t.Context(), d)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, g := range granted {
		if g.ID != granted[0].ID {
			t.Errorf("grants %v and %v for one pair", g.ID, granted[0].ID)
		}
	}
	got := find(t, db, granted[0].ID)
	if len(got.Scope) != callers || got.Version != 1 {
		t.Errorf("scope = %v, version = %d: a decision is lost", got.Scope, got.Version)
	}
	if diff := cmp.Diff(projects(7), resourcesOf(got)); diff != "" {
		t.Errorf("projects (-want +got):\n%s", diff)
	}
}

func decisionsAgainstRevocations(t *testing.T, db Database) {
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			g, _, err := db.Record(t.Context(), decision(oauth.Scope{"a"}, both(workspaces(1, 2), projects(3))...))
			if err == nil && i%2 == 0 {
				_, err = db.Revoke(t.Context(), g.ID, "", grant.ReasonWithdrawn)
			}
			errs[i] = err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	live, err := db.List(t.Context(), grant.Filter{Sub: sub, ClientID: clientID}, grant.Cursor{}, callers)
	if err != nil || len(live) > 1 {
		t.Errorf("%d live grants for one pair, %v", len(live), err)
	}
	for _, g := range live {
		if diff := cmp.Diff(both(workspaces(1, 2), projects(3)), resourcesOf(g.Grant)); diff != "" || g.Version != 1 {
			t.Errorf("version = %d, workspaces (-want +got):\n%s", g.Version, diff)
		}
	}
}

func oneRevocationRestricts(t *testing.T, db Database) {
	g, _ := record(t, db, decision(oauth.Scope{"a"}))
	restricted := make([]int, callers)
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			restrictions, err := db.Revoke(t.Context(), g.ID, "", grant.ReasonReuse)
			restricted[i], errs[i] = len(restrictions), err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range restricted {
		total += n
	}
	if total != 1 {
		t.Errorf("%d restrictions, want 1", total)
	}
	checkLog(t, db, coherent.Grant(g.ID, 2).Of(g.ClientID))
}

// Of the changes of a round, each but the first takes away what the one before
// has just added: who decides on what was there a while ago sees no loss.
func lossesCount(t *testing.T, db Database) {
	const rounds = 4
	g, _ := record(t, db, decision(oauth.Scope{"a"}, workspaces(0)...))
	change := func(ns ...int) error {
		_, _, err := db.Change(t.Context(), g.ID, allowing(nil, workspaces(ns...)...))
		return err
	}
	for range rounds {
		errs := make([]error, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() { errs[i] = change(0, i+1) })
		}
		wg.Wait()
		// Taking the last one away is a loss too.
		if err := errors.Join(append(errs, change(0))...); err != nil {
			t.Fatal(err)
		}
	}
	if got := find(t, db, g.ID); got.Version != 1+rounds*callers {
		t.Errorf("version = %d, want %d", got.Version, 1+rounds*callers)
	}
	var logged []coherent.Restriction
	for v := range int64(rounds * callers) {
		logged = append(logged, coherent.Grant(g.ID, 2+v).Of(g.ClientID))
	}
	checkLog(t, db, logged...)
}

func revokedIsSwept(t *testing.T, db Database) {
	live, _ := record(t, db, decisionOf("live"))
	young := revokedAgo(t, db, "young", grant.History-time.Hour)
	old := revokedAgo(t, db, "old", grant.History+time.Hour)
	if rows, err := sweeptest.All(t.Context(), db.Sweeps()...); rows != 1 || err != nil {
		t.Errorf("%d grants went, %v, want 1", rows, err)
	}
	for id, want := range map[uuid.UUID]bool{live.ID: true, young: true, old: false} {
		for _, table := range []string{"approval", "grant_workspace"} {
			if n, err := db.Rows(t.Context(), table, id); (n > 0) != want || err != nil {
				t.Errorf("%s of %s: %d rows, %v, want some: %t", table, id, n, err, want)
			}
		}
	}
	if _, err := db.Find(t.Context(), live.ID); err != nil {
		t.Errorf("Find(live) = %v", err)
	}
	for id, want := range map[uuid.UUID]error{young: nil, old: grant.ErrNotFound} {
		if _, err := db.Revoke(t.Context(), id, sub, grant.ReasonWithdrawn); !errors.Is(err, want) {
			t.Errorf("Revoke(%s) = %v, want %v", id, err, want)
		}
	}
}

// decisionOf is one for the client that shares workspaces.
func decisionOf(client string) grant.Decision {
	d := decision(oauth.Scope{"a"}, workspaces(1, 2)...)
	d.ClientID = client
	return d
}

// revokedAgo makes a grant that was revoked that long ago.
func revokedAgo(t *testing.T, db Database, client string, ago time.Duration) uuid.UUID {
	t.Helper()
	g, _ := record(t, db, decisionOf(client))
	if _, err := db.Revoke(t.Context(), g.ID, sub, grant.ReasonWithdrawn); err != nil {
		t.Fatal(err)
	}
	if err := db.Age(t.Context(), g.ID, ago); err != nil {
		t.Fatal(err)
	}
	return g.ID
}
