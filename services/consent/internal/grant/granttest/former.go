package granttest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

// identity returns identities that differ by n.
func identity(n byte) grant.Identity { return grant.Identity{0: n, 31: 1} }

// former is all that the release before approvals keeps.
func former() grant.Former {
	return grant.Former{
		Scope: oauth.Scope{"a", "b"}, Resources: append(workspaces(1, 2), projects(3)...),
		Identities: []grant.Identity{identity(1), identity(2)},
	}
}

func formerIsWritten(t *testing.T, db Database) {
	d := decision(oauth.Scope{"a", "b", "c"})
	for _, want := range []grant.Former{
		former(),
		{Scope: oauth.Scope{"-"}, Identities: former().Identities},
		{Scope: oauth.Scope{"a"}, Resources: projects(4), Identities: former().Identities},
	} {
		d.Change = func(before grant.Stored) grant.After {
			after := allowing(oauth.Scope{"a"})(before)
			after.Former = want
			return after
		}
		g, _ := record(t, db, d)
		if diff := cmp.Diff(want, db.ReadFormer(t, g.ID), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("the release before approvals reads (-want +got):\n%s", diff)
		}
	}
}

func formerIsRead(t *testing.T, db Database) {
	want := former()
	fresh := uuid.New()
	db.WriteFormer(t, fresh, want)
	got, err := db.Find(t.Context(), fresh)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got.Former); diff != "" || len(got.Approvals) != 0 {
		t.Errorf("a grant that has no approvals yet has %v, and is read (-want +got):\n%s", got.Approvals, diff)
	}
	// A change makes it one with approvals, until that release writes once more.
	for range 2 {
		if _, _, err := db.Change(t.Context(), fresh, func(before grant.Stored) grant.After {
			if before.Former == nil {
				t.Error("the change does not see what was written")
			}
			after := allowing(oauth.Scope{"c"})(before)
			after.Former = want
			return after
		}); err != nil {
			t.Fatal(err)
		}
		if g := find(t, db, fresh); !g.Scope.Equal(oauth.Scope{"c"}) || g.Version != 1 {
			t.Errorf("the change made %+v", g)
		}
		db.WriteFormer(t, fresh, want)
		if got, err = db.Find(t.Context(), fresh); err != nil || got.Former == nil {
			t.Errorf("Find() = %+v, %v, want what was written last", got, err)
		}
	}
}
