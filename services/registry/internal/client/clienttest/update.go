package clienttest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

// logged checks that the log has these restrictions and no other, and returned
// those of them that the last call returned.
func logged(t *testing.T, s Stores, want ...coherent.Restriction) {
	t.Helper()
	batch, err := coherenttest.Load(t.Context(), s.Log)
	if err != nil {
		t.Fatalf("Load() = %v", err)
	}
	var got []coherent.Restriction
	for _, e := range batch.Entries {
		got = append(got, e.Restriction)
	}
	compare(t, "log", got, want)
}

func compare(t *testing.T, what string, got, want []coherent.Restriction) {
	t.Helper()
	byText := cmpopts.SortSlices(func(a, b coherent.Restriction) bool { return fmt.Sprint(a) < fmt.Sprint(b) })
	if diff := cmp.Diff(want, got, byText, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func update(t *testing.T, s Stores, change client.Change, want ...coherent.Restriction) client.Client {
	t.Helper()
	updated, restrictions, err := s.Clients.Update(t.Context(), change)
	if err != nil {
		t.Fatalf("Update() = %v", err)
	}
	compare(t, "restrictions returned", restrictions, want)
	return updated
}

// The release before changes the one method that it knows, and no list. What it
// ended does not come back with the method that it was kept for.
func methodAloneEndsTheOthers(t *testing.T, s Stores) {
	basic, post, assertion, none := oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost, oauth.AuthPrivateKeyJWT, oauth.AuthNone
	for _, tt := range []struct {
		all     []string
		steps   []string // the methods that it sets
		secrets int      // that are left
	}{
		{[]string{post, basic}, []string{basic}, 1},
		{[]string{post, basic}, []string{basic, post}, 1},
		{[]string{assertion, basic}, []string{basic}, 1},
		{[]string{assertion, basic}, []string{none, assertion}, 0},
		// It knows of the secret, ends it and writes that down.
		{[]string{basic, assertion}, []string{none, basic}, 1},
	} {
		c := Example()
		c.TokenEndpointAuthMethod, c.TokenEndpointAuthMethodsSupported = tt.all[0], tt.all
		c = create(t, s, c)
		addSecret(t, s, c)
		for _, method := range tt.steps {
			s.SetMethod(t, c.ClientID, method)
			if got := find(t, s, c.ClientID).AuthMethods(); !slices.Equal(got, []string{method}) {
				t.Errorf("%v, then %s: methods = %v", tt.all, method, got)
			}
		}
		if left, err := s.Secrets.List(t.Context(), c.ClientID); err != nil || len(left) != tt.secrets {
			t.Errorf("%v, then %v: %d secrets, %v, want %d", tt.all, tt.steps, len(left), err, tt.secrets)
		}
	}
}

// The method as it was ends nothing, and neither does this release, which says the
// list as well.
func methodsChangeTogether(t *testing.T, s Stores) {
	c := create(t, s, Example())
	addSecret(t, s, c)
	all := c.AuthMethods()
	s.SetMethod(t, c.ClientID, all[0])
	if c = find(t, s, c.ClientID); !slices.Equal(c.AuthMethods(), all) {
		t.Errorf("methods = %v, want %v", c.AuthMethods(), all)
	}
	turned := []string{all[1], all[0]}
	c.TokenEndpointAuthMethod, c.TokenEndpointAuthMethodsSupported = turned[0], turned
	c = update(t, s, client.Change{Client: c})
	if left, err := s.Secrets.List(t.Context(), c.ClientID); !slices.Equal(c.AuthMethods(), turned) || err != nil || len(left) != 1 {
		t.Errorf("methods = %v, %d secrets, %v, want %v and the secret", c.AuthMethods(), len(left), err, turned)
	}
}

func updateReplaces(t *testing.T, s Stores) {
	other := create(t, s, Example())
	c, was := Example(), plain()
	was.WorkspaceID = c.WorkspaceID
	old := create(t, s, was)
	c.ClientID, c.Revision = old.ClientID, old.Revision
	updated := update(t, s, client.Change{Client: c})
	c.Version, c.ScopeVersion, c.Revision = 1, 1, 2
	same(t, updated, c)
	found, err := s.Clients.Find(t.Context(), c.ClientID)
	if err != nil {
		t.Fatalf("Find() = %v", err)
	}
	same(t, found, c)
	if !found.CreateTime.Equal(old.CreateTime) {
		t.Errorf("CreateTime = %v after the update, want %v", found.CreateTime, old.CreateTime)
	}
	if still, err := s.Clients.Find(t.Context(), other.ClientID); err != nil || still.Revision != 1 {
		t.Errorf("Find(other) = revision %d, %v, want 1", still.Revision, err)
	}
	logged(t, s)
}

func oldRevisionRefused(t *testing.T, s Stores) {
	c := create(t, s, Example())
	c = update(t, s, client.Change{Client: c})
	for _, revision := range []int64{c.Revision - 1, c.Revision + 1, 0} {
		old := c
		old.ClientName, old.Revision = "lost", revision
		_, _, err := s.Clients.Update(t.Context(), client.Change{Client: old, ScopeShrinks: true, DropSecrets: true})
		if !errors.Is(err, client.ErrChanged) {
			t.Errorf("Update(revision %d) = %v, want %v", revision, err, client.ErrChanged)
		}
	}
	found, err := s.Clients.Find(t.Context(), c.ClientID)
	if err != nil {
		t.Fatalf("Find() = %v", err)
	}
	same(t, found, c)
	logged(t, s)
}

// atOnce runs f many times at once, and counts its successes. Every failure
// must be want.
func atOnce(t *testing.T, want error, f func() error) (won int) {
	t.Helper()
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = f() })
	}
	wg.Wait()
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, want):
			t.Errorf("failed with %v, want %v", err, want)
		}
	}
	return won
}

func oneUpdateWins(t *testing.T, s Stores) {
	c := create(t, s, Example())
	c.Scope = oauth.Scope{"openid"}
	won := atOnce(t, client.ErrChanged, func() error {
		_, _, err := s.Clients.Update(t.Context(), client.Change{Client: c, ScopeShrinks: true})
		return err
	})
	if won != 1 {
		t.Errorf("%d updates won, want 1", won)
	}
	logged(t, s, coherent.ClientScope(c.ClientID, 2, "openid"))
}

func shrinkingScopeLogged(t *testing.T, s Stores) {
	c := create(t, s, Example())
	c.Scope = append(c.Scope, "phone")
	c = update(t, s, client.Change{Client: c})
	if c.ScopeVersion != 1 {
		t.Errorf("ScopeVersion = %d after growing, want 1", c.ScopeVersion)
	}
	c.Scope = oauth.Scope{"openid", "email"}
	first := coherent.ClientScope(c.ClientID, 2, "openid email")
	c = update(t, s, client.Change{Client: c, ScopeShrinks: true}, first)
	c.Scope = nil
	second := coherent.ClientScope(c.ClientID, 3, "")
	c = update(t, s, client.Change{Client: c, ScopeShrinks: true}, second)
	if c.ScopeVersion != 3 || c.Version != 1 {
		t.Errorf("ScopeVersion, Version = %d, %d, want 3, 1", c.ScopeVersion, c.Version)
	}
	second.Value = nil // the log may not tell empty from none
	logged(t, s, first, second)
}

func droppedSecretsLogged(t *testing.T, s Stores) {
	c, other := create(t, s, Example()), create(t, s, Example())
	first, second, others := addSecret(t, s, c), addSecret(t, s, c), addSecret(t, s, other)
	want := []coherent.Restriction{coherent.Secret(first.ID), coherent.Secret(second.ID)}
	update(t, s, client.Change{Client: c, DropSecrets: true}, want...)
	logged(t, s, want...)
	if list, err := s.Secrets.List(t.Context(), c.ClientID); err != nil || len(list) > 0 {
		t.Errorf("List() = %v, %v, want none", list, err)
	}
	if list, err := s.Secrets.List(t.Context(), other.ClientID); err != nil || len(list) != 1 || list[0].ID != others.ID {
		t.Errorf("List(other) = %v, %v, want its own", list, err)
	}
}

func addSecret(t *testing.T, s Stores, c client.Client) clientsecret.Secret {
	t.Helper()
	kept, _ := clientsecret.New("test")
	if err := s.Secrets.Create(t.Context(), c.ClientID, *kept); err != nil {
		t.Fatalf("Create(secret) = %v", err)
	}
	return *kept
}

func deletedIsGone(t *testing.T, s Stores) {
	c, other := create(t, s, Example()), create(t, s, Example())
	addSecret(t, s, c)
	restrictions, err := s.Clients.Delete(t.Context(), c.ClientID)
	if err != nil {
		t.Fatalf("Delete() = %v", err)
	}
	want := coherent.Client(c.ClientID, coherent.Deleted)
	compare(t, "restrictions returned", restrictions, []coherent.Restriction{want})
	logged(t, s, want)
	_, findErr := s.Clients.Find(t.Context(), c.ClientID)
	_, credentialsErr := s.Clients.FindCredentials(t.Context(), c.ClientID)
	if !errors.Is(findErr, client.ErrNotFound) || !errors.Is(credentialsErr, client.ErrNotFound) {
		t.Errorf("Find, FindCredentials = %v, %v, want %v", findErr, credentialsErr, client.ErrNotFound)
	}
	if _, err := s.Secrets.List(t.Context(), c.ClientID); !errors.Is(err, clientsecret.ErrClientNotFound) {
		t.Errorf("List(secrets) = %v, want %v", err, clientsecret.ErrClientNotFound)
	}
	if _, err := s.Clients.Find(t.Context(), other.ClientID); err != nil {
		t.Errorf("Find(other) = %v", err)
	}
}

func oneDeletionWins(t *testing.T, s Stores) {
	c := create(t, s, Example())
	won := atOnce(t, client.ErrNotFound, func() error {
		_, err := s.Clients.Delete(t.Context(), c.ClientID)
		return err
	})
	if won != 1 {
		t.Errorf("%d deletions won, want 1", won)
	}
	logged(t, s, coherent.Client(c.ClientID, coherent.Deleted))
}

func originsFollow(t *testing.T, s Stores) {
	const shared = "https://app.example"
	first, second := create(t, s, Example()), create(t, s, Example())
	known(t, s, []string{shared, "http://localhost:3000"}, []string{"https://other.example", "", "nul\x00", "HTTPS://app.example", "https://app.example/"})

	first.RedirectURIs = []string{"https://other.example/cb"}
	first = update(t, s, client.Change{Client: first})
	known(t, s, []string{shared, "https://other.example"}, nil)

	if _, err := s.Clients.Delete(t.Context(), second.ClientID); err != nil {
		t.Fatalf("Delete() = %v", err)
	}
	known(t, s, []string{"https://other.example"}, []string{shared, "http://localhost:3000"})

	first.RedirectURIs = nil
	update(t, s, client.Change{Client: first})
	known(t, s, nil, []string{"https://other.example"})
}

func known(t *testing.T, s Stores, origins, strangers []string) {
	t.Helper()
	for _, origin := range slices.Concat(origins, strangers) {
		want := slices.Contains(origins, origin)
		if got, err := s.Clients.HasOrigin(t.Context(), origin); err != nil || got != want {
			t.Errorf("HasOrigin(%q) = %v, %v, want %v", origin, got, err, want)
		}
	}
}

func credentialsTogether(t *testing.T, s Stores) {
	first, _ := clientsecret.New("test")
	c, err := s.Clients.Create(t.Context(), Example(), first, most())
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	bare := create(t, s, plain())
	second := addSecret(t, s, c)
	if err := s.Secrets.NoteUse(t.Context(), second.ID); err != nil {
		t.Fatalf("NoteUse() = %v", err)
	}
	record, err := s.Clients.FindCredentials(t.Context(), c.ClientID)
	if err != nil {
		t.Fatalf("FindCredentials() = %v", err)
	}
	same(t, record.Client, c)
	stale := map[string]bool{first.ID.String(): true, second.ID.String(): false}
	for _, sec := range record.Secrets {
		want, ok := stale[sec.ID.String()]
		if !ok || sec.NoteUse != want || !sec.Digest.Equal(first.Digest) && !sec.Digest.Equal(second.Digest) {
			t.Errorf("FindCredentials() has secret %v, NoteUse %v", sec.ID, sec.NoteUse)
		}
	}
	if len(record.Secrets) != len(stale) {
		t.Errorf("FindCredentials() has %d secrets, want %d", len(record.Secrets), len(stale))
	}
	if record, err := s.Clients.FindCredentials(t.Context(), bare.ClientID); err != nil || len(record.Secrets) > 0 || record.Client.ClientID != bare.ClientID {
		t.Errorf("FindCredentials(without secrets) = %v, %v", record, err)
	}
}
