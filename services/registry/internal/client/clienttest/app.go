package clienttest

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/services/registry/internal/actor"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

func appsAreLimited(t *testing.T, s Stores) {
	const limit = 3
	workspace := uuid.NewString()
	newApp := func(workspace string) error {
		c := Example()
		c.WorkspaceID = workspace
		_, err := s.Clients.Create(t.Context(), c, nil, client.Limits{Apps: limit})
		return err
	}
	if won := atOnce(t, client.ErrTooManyApps, func() error { return newApp(workspace) }); won != limit {
		t.Errorf("%d apps were created, want %d", won, limit)
	}
	if err := newApp(uuid.NewString()); err != nil {
		t.Errorf("Create() in another workspace = %v", err)
	}
	if _, err := s.Clients.Create(t.Context(), plain(), nil, client.Limits{}); err != nil {
		t.Errorf("Create() without an owner = %v", err)
	}
	owned := listOwned(t, s, workspace)
	if _, err := s.Clients.Delete(t.Context(), owned[0].ClientID); err != nil {
		t.Fatal(err)
	}
	if err := newApp(workspace); err != nil {
		t.Errorf("Create() after a deletion = %v", err)
	}
}

func registeredAreLimited(t *testing.T, s Stores) {
	const limit = 3
	won := atOnce(t, client.ErrTooManyRegistered, func() error {
		_, err := s.Clients.Create(t.Context(), registered(), nil, client.Limits{Registered: limit})
		return err
	})
	if won != limit {
		t.Errorf("%d clients registered, want %d", won, limit)
	}
	if _, err := s.Clients.Create(t.Context(), plain(), nil, client.Limits{}); err != nil {
		t.Errorf("Create() by an operator = %v", err)
	}
	if _, err := s.Clients.Create(t.Context(), registered(), nil, client.Limits{Registered: limit + 1}); err != nil {
		t.Errorf("Create() below a higher limit = %v", err)
	}
}

func newSecretReplaces(t *testing.T, s Stores) {
	c, other := create(t, s, Example()), create(t, s, Example())
	first, second, others := addSecret(t, s, c), addSecret(t, s, c), addSecret(t, s, other)
	trail := s.Audit.Follow(t)
	kept := withSecret()
	want := []coherent.Restriction{coherent.Secret(first.ID), coherent.Secret(second.ID)}
	c = update(t, s, client.Change{Client: c, NewSecret: kept}, want...)
	logged(t, s, want...)
	created := event.Event{Type: event.ClientSecretCreated, ClientID: c.ClientID, SecretID: kept.ID}
	updated := event.Event{Type: event.ClientUpdated, ClientID: c.ClientID, Scope: c.Scope}
	trail.Check(t, updated,
		event.Event{Type: event.ClientSecretRevoked, ClientID: c.ClientID, SecretID: first.ID},
		event.Event{Type: event.ClientSecretRevoked, ClientID: c.ClientID, SecretID: second.ID},
		created)
	for id, want := range map[string]uuid.UUID{c.ClientID: kept.ID, other.ClientID: others.ID} {
		if list, err := s.Secrets.List(t.Context(), id); err != nil || len(list) != 1 || list[0].ID != want {
			t.Errorf("List() = %v, %v, want %v", list, err, want)
		}
	}
	stale := c
	stale.Revision--
	if _, _, err := s.Clients.Update(t.Context(), client.Change{Client: stale, NewSecret: withSecret()}); err == nil {
		t.Error("Update() of an old revision succeeded")
	}
	if list, err := s.Secrets.List(t.Context(), c.ClientID); err != nil || len(list) != 1 || list[0].ID != kept.ID {
		t.Errorf("List() after a refused update = %v, %v, want %v", list, err, kept.ID)
	}
}

func ownerAndRegistrationStay(t *testing.T, s Stores) {
	for _, c := range []client.Client{create(t, s, Example()), create(t, s, registered())} {
		changed := plain()
		changed.ClientID, changed.Revision, changed.WorkspaceID = c.ClientID, c.Revision, ""
		updated := update(t, s, client.Change{Client: changed})
		if updated.WorkspaceID != c.WorkspaceID || updated.RegistrationDigest != c.RegistrationDigest {
			t.Errorf("Update() made of %+v %+v", c, updated)
		}
	}
}

func actorIsRecorded(t *testing.T, s Stores) {
	trail := s.Audit.Follow(t)
	ctx := actor.With(t.Context(), "u1")
	c, first, second := Example(), withSecret(), withSecret()
	if _, err := s.Clients.Create(ctx, c, first, most()); err != nil {
		t.Fatal(err)
	}
	c.Revision = 1
	if _, _, err := s.Clients.Update(ctx, client.Change{Client: c, NewSecret: second}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Clients.Delete(ctx, c.ClientID); err != nil {
		t.Fatal(err)
	}
	trail.Check(t,
		event.Event{Type: event.ClientCreated, ClientID: c.ClientID, Sub: "u1", Scope: c.Scope},
		event.Event{Type: event.ClientSecretCreated, ClientID: c.ClientID, Sub: "u1", SecretID: first.ID},
		event.Event{Type: event.ClientUpdated, ClientID: c.ClientID, Sub: "u1", Scope: c.Scope},
		event.Event{Type: event.ClientSecretRevoked, ClientID: c.ClientID, Sub: "u1", SecretID: first.ID},
		event.Event{Type: event.ClientSecretCreated, ClientID: c.ClientID, Sub: "u1", SecretID: second.ID},
		event.Event{Type: event.ClientDeleted, ClientID: c.ClientID, Sub: "u1"})
}

func clientUseNoted(t *testing.T, s Stores) {
	c, other := create(t, s, Example()), create(t, s, plain())
	for range 2 {
		if err := s.Clients.NoteUse(t.Context(), c.ClientID); err != nil {
			t.Fatalf("NoteUse() = %v", err)
		}
	}
	for _, id := range []string{"", "nul\x00", uuid.NewString()} {
		if err := s.Clients.NoteUse(t.Context(), id); err != nil {
			t.Errorf("NoteUse(%q) = %v", id, err)
		}
	}
	for id, want := range map[string]bool{c.ClientID: false, other.ClientID: true} {
		record, err := s.Clients.FindCredentials(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if record.NoteUse != want || record.Client.LastUseTime.IsZero() != want || record.Client.Revision != 1 {
			t.Errorf("FindCredentials() has NoteUse %v, client %+v, want NoteUse %v", record.NoteUse, record.Client, want)
		}
	}
}

func unusedAreListed(t *testing.T, s Stores) {
	listUnused := func(age time.Duration, limit int) []string {
		t.Helper()
		ids, err := s.Clients.ListUnused(t.Context(), age, limit)
		if err != nil {
			t.Fatalf("ListUnused() = %v", err)
		}
		return ids
	}
	if ids := listUnused(0, 10); len(ids) > 0 {
		t.Errorf("ListUnused() of none = %v", ids)
	}
	var want []string
	for range 3 {
		want = append(want, create(t, s, registered()).ClientID)
	}
	create(t, s, plain())
	create(t, s, Example())
	used := create(t, s, registered())
	if err := s.Clients.NoteUse(t.Context(), used.ClientID); err != nil {
		t.Fatal(err)
	}
	got := listUnused(0, 10)
	if diff := cmp.Diff(want, got, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("ListUnused() (-want +got):\n%s", diff)
	}
	if first := listUnused(0, 2); !slices.Equal(first, got[:2]) {
		t.Errorf("ListUnused() of two = %v, want the first of %v", first, got)
	}
	if young := listUnused(time.Hour, 10); len(young) > 0 {
		t.Errorf("ListUnused() before their time = %v", young)
	}
}

func listOwned(t *testing.T, s Stores, workspaces ...string) []client.Client {
	t.Helper()
	list, err := s.Clients.ListOwned(t.Context(), workspaces)
	if err != nil {
		t.Fatalf("ListOwned() = %v", err)
	}
	return list
}

// named returns a public client without an owner.
func named(name, description string) client.Client {
	c := plain()
	c.ClientName, c.Description, c.Visibility = name, description, client.Public
	return c
}

func names(list []client.Client) []string {
	found := []string{}
	for _, c := range list {
		found = append(found, c.ClientName)
	}
	return found
}

func ownedAreListed(t *testing.T, s Stores) {
	one, two := uuid.NewString(), uuid.NewString()
	for name, workspace := range map[string]string{"b": one, "A": one, "c": two, "stray": uuid.NewString(), "nobody's": ""} {
		c := named(name, "")
		c.WorkspaceID = workspace
		create(t, s, c)
	}
	for _, tt := range []struct {
		workspaces, want []string
	}{
		{[]string{one, two}, []string{"A", "b", "c"}},
		{[]string{two}, []string{"c"}},
		{[]string{uuid.NewString()}, []string{}},
		{[]string{""}, []string{}},
		{nil, []string{}},
	} {
		if diff := cmp.Diff(tt.want, names(listOwned(t, s, tt.workspaces...))); diff != "" {
			t.Errorf("ListOwned(%v) (-want +got):\n%s", tt.workspaces, diff)
		}
	}
}

func listPublic(t *testing.T, s Stores, words ...string) []string {
	t.Helper()
	list, err := s.Clients.ListPublic(t.Context(), words, client.NamePlace{}, 100)
	if err != nil {
		t.Fatalf("ListPublic(%q) = %v", words, err)
	}
	return names(list)
}

func publicAreFound(t *testing.T, s Stores) {
	create(t, s, named("Straße Maps", "Draws 100% of a_map"))
	create(t, s, named("apple", "A fruit\\"))
	create(t, s, named("Banana", "Another fruit"))
	unlisted, alone := named("unlisted fruit", ""), registered()
	unlisted.Visibility, alone.ClientName = client.Unlisted, "registered fruit"
	internal := Example()
	internal.ClientName = "internal fruit"
	for _, c := range []client.Client{unlisted, alone, internal} {
		create(t, s, c)
	}
	for _, tt := range []struct {
		words, want []string
	}{
		{nil, []string{"apple", "Banana", "Straße Maps"}},
		{[]string{"fruit"}, []string{"apple", "Banana"}},
		{[]string{"fruit", "ban"}, []string{"Banana"}},
		{[]string{"apple", "banana"}, []string{}},
		{[]string{"strasse"}, []string{"Straße Maps"}},
		{[]string{"%"}, []string{"Straße Maps"}},
		{[]string{"_"}, []string{"Straße Maps"}},
		{[]string{"\\"}, []string{"apple"}},
		{[]string{"' or 1=1 --"}, []string{}},
	} {
		if diff := cmp.Diff(tt.want, listPublic(t, s, tt.words...)); diff != "" {
			t.Errorf("ListPublic(%q) (-want +got):\n%s", tt.words, diff)
		}
	}
}

func publicFollowsUpdates(t *testing.T, s Stores) {
	c := create(t, s, named("Old", "before"))
	c.ClientName, c.Description = "New", "after"
	c = update(t, s, client.Change{Client: c})
	if got := listPublic(t, s, "new", "after"); !slices.Equal(got, []string{"New"}) {
		t.Errorf("ListPublic() by the new name = %q", got)
	}
	if got := listPublic(t, s, "old"); len(got) > 0 {
		t.Errorf("ListPublic() by the old name = %q", got)
	}
	c.Visibility = client.Unlisted
	update(t, s, client.Change{Client: c})
	if got := listPublic(t, s); len(got) > 0 {
		t.Errorf("ListPublic() of an unlisted client = %q", got)
	}
}

func publicGoOnByPlace(t *testing.T, s Stores) {
	const clients, pageSize = 7, 2
	var want []string
	for i := range clients {
		// Two of each name, told apart by id.
		want = append(want, create(t, s, named(strconv.Itoa(i/2), "")).ClientID)
	}
	var (
		got   []string
		after client.NamePlace
	)
	for {
		list, err := s.Clients.ListPublic(t.Context(), nil, after, pageSize)
		if err != nil {
			t.Fatalf("ListPublic() = %v", err)
		}
		for _, c := range list {
			got = append(got, c.ClientID)
			after = client.NamePlace{SortKey: c.SortKey(), ClientID: c.ClientID}
		}
		if len(list) < pageSize || len(got) > clients {
			break
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}
