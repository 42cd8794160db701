package granttest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

func listIsFiltered(t *testing.T, db Database) {
	for _, pair := range [][2]string{{"s1", "c1"}, {"s1", "c2"}, {"s2", "c1"}} {
		d := decision(oauth.Scope{"a"}, both(workspaces(1, 2), projects(3))...)
		d.Sub, d.ClientID = pair[0], pair[1]
		record(t, db, d)
	}
	tests := []struct {
		name string
		of   grant.Filter
		want []string
	}{
		{"all", grant.Filter{}, []string{"s1 c1", "s1 c2", "s2 c1"}},
		{"of a subject", grant.Filter{Sub: "s1"}, []string{"s1 c1", "s1 c2"}},
		{"of a client", grant.Filter{ClientID: "c1"}, []string{"s1 c1", "s2 c1"}},
		{"of both", grant.Filter{Sub: "s1", ClientID: "c2"}, []string{"s1 c2"}},
		{"of a pair without grant", grant.Filter{Sub: "s2", ClientID: "c2"}, nil},
		{"of another case", grant.Filter{Sub: "S1"}, nil},
		{"of a name with NUL", grant.Filter{Sub: "s1\x00"}, nil},
		{"of nothing but NUL", grant.Filter{ClientID: "\x00"}, nil},
	}
	for _, tt := range tests {
		list, err := db.List(t.Context(), tt.of, grant.Cursor{}, 10)
		if err != nil {
			t.Errorf("%s: List() = %v", tt.name, err)
		}
		var got []string
		for _, g := range list {
			got = append(got, g.Sub+" "+g.ClientID)
			if diff := cmp.Diff(find(t, db, g.ID), g.Grant); diff != "" {
				t.Errorf("%s: List() differs from Find() (-want +got):\n%s", tt.name, diff)
			}
		}
		slices.Sort(got) // the same instant orders them by id
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: List() (-want +got):\n%s", tt.name, diff)
		}
	}
}

func listIsComplete(t *testing.T, db Database) {
	var throughout []uuid.UUID
	for i := range 10 {
		throughout = append(throughout, add(t, db, fmt.Sprint("before", i)))
	}
	seen := make(map[uuid.UUID]int)
	var after grant.Cursor
	for i, full := 0, true; full; i++ {
		page, err := db.List(t.Context(), grant.Filter{ClientID: clientID}, after, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range page {
			seen[g.ID]++
			after = grant.Cursor{CreateTime: g.CreateTime, ID: g.ID}
		}
		full = len(page) == 3
		if i < 5 {
			comeAndGo(t, db, i)
		}
	}
	for _, id := range throughout {
		if seen[id] != 1 {
			t.Errorf("a grant that lives throughout was listed %d times", seen[id])
		}
	}
	for id, times := range seen {
		if times > 1 {
			t.Errorf("grant %v was listed %d times", id, times)
		}
	}
}

// comeAndGo makes two grants, and revokes one.
func comeAndGo(t *testing.T, db Database, i int) {
	t.Helper()
	gone := add(t, db, fmt.Sprint("gone", i))
	if _, err := db.Revoke(t.Context(), gone, "", grant.ReasonAdmin); err != nil {
		t.Fatal(err)
	}
	add(t, db, fmt.Sprint("meanwhile", i))
}

// add makes a grant of the subject, and returns its id.
func add(t *testing.T, db Database, subject string) uuid.UUID {
	t.Helper()
	d := decision(oauth.Scope{"a"})
	d.Sub = subject
	g, _ := record(t, db, d)
	return g.ID
}

func newestFirst(t *testing.T, db Database) {
	var made []grant.Grant
	for i := range 7 {
		d := decision(oauth.Scope{"a"}, both(workspaces(1), projects(2))...)
		d.ClientID = fmt.Sprint("client", i)
		g, _ := record(t, db, d)
		made = append(made, g)
	}
	if _, err := db.Revoke(t.Context(), made[4].ID, sub, grant.ReasonWithdrawn); err != nil {
		t.Fatal(err)
	}
	add(t, db, "another")
	want := newest(slices.Delete(made, 4, 5))
	got := slices.DeleteFunc(pagesOfNewest(t, db), func(id uuid.UUID) bool { return !slices.Contains(want, id) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Newest() (-want +got):\n%s", diff)
	}
	for _, nobody := range []string{"", "\x00", sub + "\x00", "Subject"} {
		if list, err := db.Newest(t.Context(), nobody, grant.Cursor{}, 2); err != nil || len(list) != 0 {
			t.Errorf("Newest(%q) = %v, %v", nobody, list, err)
		}
	}
}

// pagesOfNewest returns the ids on all pages, with a new grant after each.
func pagesOfNewest(t *testing.T, db Database) (got []uuid.UUID) {
	t.Helper()
	var before grant.Cursor
	for full := true; full; {
		page, err := db.Newest(t.Context(), sub, before, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range page {
			got = append(got, g.ID)
			before = grant.Cursor{CreateTime: g.CreateTime, ID: g.ID}
			if diff := cmp.Diff(find(t, db, g.ID), g.Grant); diff != "" {
				t.Errorf("Newest() differs from Find() (-want +got):\n%s", diff)
			}
		}
		full = len(page) == 2
		d := decision(oauth.Scope{"a"})
		d.ClientID = "meanwhile " + d.NewID.String()
		record(t, db, d)
	}
	return got
}

// newest returns the ids of the grants, the newest first: of one instant, the
// greatest.
func newest(grants []grant.Grant) []uuid.UUID {
	slices.SortFunc(grants, func(a, b grant.Grant) int {
		if c := b.CreateTime.Compare(a.CreateTime); c != 0 {
			return c
		}
		return bytes.Compare(b.ID[:], a.ID[:])
	})
	ids := make([]uuid.UUID, len(grants))
	for i, g := range grants {
		ids[i] = g.ID
	}
	return ids
}
