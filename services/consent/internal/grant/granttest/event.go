package granttest

import (
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

func changesAreRecorded(t *testing.T, db Database) {
	trail := db.Audit.Follow(t)
	g, _ := record(t, db, decision(oauth.Scope{"a"}, both(workspaces(1, 2), projects(3))...))
	concerns := event.Event{Type: event.GrantRecorded, GrantID: g.ID, ClientID: clientID, Sub: sub, Scope: oauth.Scope{"a"}}
	trail.Check(t, concerns)

	record(t, db, decision(oauth.Scope{"b"}))
	concerns.Type, concerns.Scope = event.GrantChanged, oauth.Scope{"a", "b"}
	trail.Check(t, concerns)

	if _, _, err := db.Change(t.Context(), g.ID, allowing(nil, workspaces(1)...)); err != nil {
		t.Fatal(err)
	}
	trail.Check(t, concerns)

	for range 2 {
		if _, err := db.Revoke(t.Context(), g.ID, "", grant.ReasonWithdrawn); err != nil {
			t.Fatal(err)
		}
	}
	concerns.Type, concerns.Scope, concerns.Reason = event.GrantRevoked, nil, string(grant.ReasonWithdrawn)
	trail.Check(t, concerns)

	_, _, err := db.Change(t.Context(), g.ID, allowing(nil))
	isNotFound(t, "Change()", err)
	_, err = db.Revoke(t.Context(), uuid.New(), "", grant.ReasonAdmin)
	isNotFound(t, "Revoke()", err)
	trail.Check(t)
}

func unrecordedDoesNotHappen(t *testing.T, db Database) {
	g, _ := record(t, db, decision(oauth.Scope{"a"}, workspaces(1)...))
	db.Audit.Break(t)
	if _, err := db.Revoke(t.Context(), g.ID, "", grant.ReasonAdmin); err == nil {
		t.Error("a grant is revoked without a record")
	}
	if _, _, err := db.Change(t.Context(), g.ID, allowing(nil)); err == nil {
		t.Error("a grant is changed without a record")
	}
	if _, _, err := db.Record(t.Context(), decision(oauth.Scope{"b"})); err == nil {
		t.Error("a decision is kept without a record")
	}
	if got := find(t, db, g.ID); got.Version != 1 || !got.Scope.Equal(oauth.Scope{"a"}) || len(resourcesOf(got)) != 1 {
		t.Errorf("the grant became %+v", got)
	}
	checkLog(t, db)
}
