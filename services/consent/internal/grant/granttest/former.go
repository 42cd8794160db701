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

// former is all that the release before approvals keeps, but for the identities.
func former() grant.Former {
	return grant.Former{Scope: oauth.Scope{"a", "b"}, Resources: append(workspaces(1, 2), projects(3)...)}
}

// as is the change by a decision about a client that comes as that.
func as(identities []grant.Identity, f grant.Former) grant.Change {
	return func(before grant.Stored) grant.After {
		after := allowing(oauth.Scope{"a"})(before)
		after.Identities, after.Former = identities, f
		return after
	}
}

func formerIsWritten(t *testing.T, db Database) {
	d := decision(oauth.Scope{"a", "b", "c"})
	identities := []grant.Identity{identity(1), identity(2)}
	for _, want := range []grant.Former{
		former(),
		{Scope: oauth.Scope{"-"}},
		{Scope: oauth.Scope{"a"}, Resources: projects(4)},
	} {
		d.Change = as(identities, want)
		g, _ := record(t, db, d)
		got, known := db.ReadFormer(t, g.ID)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("the release before approvals reads (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(identities, known); diff != "" {
			t.Errorf("it knows the identities (-want +got):\n%s", diff)
		}
	}
}

func formerIsRead(t *testing.T, db Database) {
	want := former()
	fresh := uuid.New()
	db.WriteFormer(t, fresh, want, identity(1), identity(2))
	got, err := db.Find(t.Context(), fresh)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]grant.Identity{identity(1), identity(2)}, got.Identities); diff != "" {
		t.Errorf("identities (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&want, got.Former); diff != "" || len(got.Approvals) != 0 {
		t.Errorf("a grant that has no approvals yet has %v, and is read (-want +got):\n%s", got.Approvals, diff)
	}
	// A change makes it one with approvals, until that release writes once more.
	for range 2 {
		_, _, err := db.Change(t.Context(), fresh, func(before grant.Stored) grant.After {
			if before.Former == nil {
				t.Error("the change does not see what was written")
			}
			after := allowing(oauth.Scope{"c"})(before)
			after.Former = want
			return after
		})
		if g := find(t, db, fresh); err != nil || !g.Scope.Equal(oauth.Scope{"c"}) || g.Version != 1 {
			t.Errorf("the change made %+v, %v", g, err)
		}
		db.WriteFormer(t, fresh, want, identity(2))
		if got, err = db.Find(t.Context(), fresh); err != nil || got.Former == nil {
			t.Errorf("Find() = %+v, %v, want what was written last", got, err)
		}
	}
}
