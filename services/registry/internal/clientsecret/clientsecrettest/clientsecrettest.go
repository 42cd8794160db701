// Package clientsecrettest is what every store of client secrets must do.
package clientsecrettest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clienttest"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
)

// Stores is what a case stands on, all on one database.
type Stores struct {
	Secrets *clientsecret.Store
	Clients *client.Store
	// Log is where restrictions are found.
	Log   coherent.Source
	Audit eventtest.Audit
	// Age makes the last use of a secret longer ago.
	Age func(t *testing.T, id uuid.UUID, by time.Duration)
}

// RunStore checks a store. open returns empty
// stores, and cleans up with t.Cleanup.
func RunStore(t *testing.T, open func(t *testing.T) Stores) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Stores)
	}{
		{"list returns what was created, oldest first", listReturnsCreated},
		{"unknown client is not found", unknownClient},
		{"a client that uses no secret gets none", unusedRefused},
		{"a client that uses a secret or keys gets one", secretBesideKeys},
		{"of many concurrent secrets ten are kept", tenKept},
		{"revoked secret is gone and logged", revokedIsGone},
		{"secret of another client is not found", othersNotFound},
		{"one of many concurrent revocations wins", oneRevocationWins},
		{"use is noted at most once an hour", useNotedHourly},
		{"every change leaves one record, and a failed one none", changesAreRecorded},
		{"N291 a change without its record does not happen", unrecordedDoesNotHappen},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, open(t)) })
	}
}

// newClient creates a client with the authentication method.
func newClient(t *testing.T, s Stores, method string) string {
	t.Helper()
	c := clienttest.Example()
	c.TokenEndpointAuthMethod = method
	if _, err := s.Clients.Create(t.Context(), c, nil, client.Limits{Apps: 1}); err != nil {
		t.Fatalf("Create(client) = %v", err)
	}
	return c.ClientID
}

func create(t *testing.T, s Stores, clientID string) clientsecret.Secret {
	t.Helper()
	kept, _ := clientsecret.New("test")
	if err := s.Secrets.Create(t.Context(), clientID, *kept); err != nil {
		t.Fatalf("Create() = %v", err)
	}
	return *kept
}

func list(t *testing.T, s Stores, clientID string) []clientsecret.Secret {
	t.Helper()
	l, err := s.Secrets.List(t.Context(), clientID)
	if err != nil {
		t.Fatalf("List() = %v", err)
	}
	return l
}

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
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func listReturnsCreated(t *testing.T, s Stores) {
	id := newClient(t, s, oauth.AuthClientSecretBasic)
	if got := list(t, s, id); len(got) != 0 {
		t.Errorf("List() = %v before the first, want none", got)
	}
	want := map[uuid.UUID]clientsecret.Secret{}
	for range 3 {
		sec := create(t, s, id)
		want[sec.ID] = sec
	}
	create(t, s, newClient(t, s, oauth.AuthClientSecretBasic))
	got := list(t, s, id)
	if len(got) != len(want) {
		t.Fatalf("List() has %d secrets, want %d", len(got), len(want))
	}
	for i, sec := range got {
		w := want[sec.ID]
		if !sec.Digest.Equal(w.Digest) || sec.Hint != w.Hint || sec.CreateTime.IsZero() || !sec.LastUseTime.IsZero() {
			t.Errorf("List() has %+v, want %+v", sec, w)
		}
		if i > 0 && sec.CreateTime.Before(got[i-1].CreateTime) {
			t.Errorf("List() has %v after %v", sec.CreateTime, got[i-1].CreateTime)
		}
	}
}

func unknownClient(t *testing.T, s Stores) {
	sec := create(t, s, newClient(t, s, oauth.AuthClientSecretBasic))
	for _, id := range []string{"", uuid.NewString(), "nul\x00"} {
		kept, _ := clientsecret.New("test")
		if err := s.Secrets.Create(t.Context(), id, *kept); !errors.Is(err, clientsecret.ErrClientNotFound) {
			t.Errorf("Create(%q) = %v, want %v", id, err, clientsecret.ErrClientNotFound)
		}
		if _, err := s.Secrets.List(t.Context(), id); !errors.Is(err, clientsecret.ErrClientNotFound) {
			t.Errorf("List(%q) = %v, want %v", id, err, clientsecret.ErrClientNotFound)
		}
		if _, err := s.Secrets.Revoke(t.Context(), id, sec.ID); !errors.Is(err, clientsecret.ErrNotFound) {
			t.Errorf("Revoke(%q) = %v, want %v", id, err, clientsecret.ErrNotFound)
		}
	}
}

func unusedRefused(t *testing.T, s Stores) {
	for method, want := range map[string]error{
		oauth.AuthNone:              clientsecret.ErrUnused,
		oauth.AuthPrivateKeyJWT:     clientsecret.ErrUnused,
		oauth.AuthClientSecretBasic: nil,
		oauth.AuthClientSecretPost:  nil,
	} {
		kept, _ := clientsecret.New("test")
		if err := s.Secrets.Create(t.Context(), newClient(t, s, method), *kept); !errors.Is(err, want) {
			t.Errorf("Create() for %s = %v, want %v", method, err, want)
		}
	}
}

// Of several methods one with a secret is enough.
func secretBesideKeys(t *testing.T, s Stores) {
	c := clienttest.Example()
	c.TokenEndpointAuthMethod = oauth.AuthPrivateKeyJWT
	c.TokenEndpointAuthMethodsSupported = []string{oauth.AuthPrivateKeyJWT, oauth.AuthClientSecretPost}
	if _, err := s.Clients.Create(t.Context(), c, nil, client.Limits{Apps: 1}); err != nil {
		t.Fatalf("Create(client) = %v", err)
	}
	create(t, s, c.ClientID)
}

func tenKept(t *testing.T, s Stores) {
	const callers = 16
	id := newClient(t, s, oauth.AuthClientSecretBasic)
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			kept, _ := clientsecret.New("test")
			errs[i] = s.Secrets.Create(t.Context(), id, *kept)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, clientsecret.ErrTooMany) {
			t.Errorf("Create() = %v", err)
		}
	}
	got := list(t, s, id)
	if len(got) != clientsecret.Max {
		t.Errorf("%d secrets kept, want %d", len(got), clientsecret.Max)
	}
	if _, err := s.Secrets.Revoke(t.Context(), id, got[0].ID); err != nil {
		t.Fatalf("Revoke() = %v", err)
	}
	create(t, s, id)
}

func revokedIsGone(t *testing.T, s Stores) {
	id := newClient(t, s, oauth.AuthClientSecretBasic)
	first, second := create(t, s, id), create(t, s, id)
	want := coherent.Secret(first.ID)
	got, err := s.Secrets.Revoke(t.Context(), id, first.ID)
	if err != nil {
		t.Fatalf("Revoke() = %v", err)
	}
	if diff := cmp.Diff([]coherent.Restriction{want}, got); diff != "" {
		t.Errorf("Revoke() (-want +got):\n%s", diff)
	}
	if left := list(t, s, id); len(left) != 1 || left[0].ID != second.ID {
		t.Errorf("List() = %v, want the other", left)
	}
	if _, err := s.Secrets.Revoke(t.Context(), id, first.ID); !errors.Is(err, clientsecret.ErrNotFound) {
		t.Errorf("Revoke() again = %v, want %v", err, clientsecret.ErrNotFound)
	}
	logged(t, s, want)
}

func othersNotFound(t *testing.T, s Stores) {
	mine, theirs := newClient(t, s, oauth.AuthClientSecretBasic), newClient(t, s, oauth.AuthClientSecretBasic)
	sec := create(t, s, theirs)
	if _, err := s.Secrets.Revoke(t.Context(), mine, sec.ID); !errors.Is(err, clientsecret.ErrNotFound) {
		t.Errorf("Revoke() = %v, want %v", err, clientsecret.ErrNotFound)
	}
	if len(list(t, s, theirs)) != 1 {
		t.Error("the other client lost its secret")
	}
	logged(t, s)
}

func oneRevocationWins(t *testing.T, s Stores) {
	const callers = 16
	id := newClient(t, s, oauth.AuthClientSecretBasic)
	sec := create(t, s, id)
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = s.Secrets.Revoke(t.Context(), id, sec.ID) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, clientsecret.ErrNotFound):
			t.Errorf("Revoke() = %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d revocations won, want 1", won)
	}
	logged(t, s, coherent.Secret(sec.ID))
}

func useNotedHourly(t *testing.T, s Stores) {
	id := newClient(t, s, oauth.AuthClientSecretBasic)
	sec := create(t, s, id)
	note := func() time.Time {
		t.Helper()
		if err := s.Secrets.NoteUse(t.Context(), sec.ID); err != nil {
			t.Fatalf("NoteUse() = %v", err)
		}
		return list(t, s, id)[0].LastUseTime
	}
	first := note()
	if first.IsZero() {
		t.Fatal("first use is not noted")
	}
	if got := note(); !got.Equal(first) {
		t.Errorf("LastUseTime moved from %v to %v within the hour", first, got)
	}
	s.Age(t, sec.ID, 59*time.Minute)
	if got := note(); !got.Equal(first.Add(-59 * time.Minute)) {
		t.Errorf("LastUseTime = %v after 59 minutes, want it unmoved", got)
	}
	s.Age(t, sec.ID, 2*time.Minute)
	if got := note(); got.Before(first) {
		t.Errorf("LastUseTime = %v after 61 minutes, want %v or later", got, first)
	}
	if err := s.Secrets.NoteUse(t.Context(), uuid.New()); err != nil {
		t.Errorf("NoteUse(unknown) = %v", err)
	}
}
