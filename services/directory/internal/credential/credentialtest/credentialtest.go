// Package credentialtest is what every *credential.Store must do.
package credentialtest

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
)

// RunStore checks a store on an empty database.
func RunStore(t *testing.T, newStores func(*testing.T) directorytest.Stores) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, directorytest.Stores)
	}{
		{"find returns the subject with its hash", finds},
		{"find returns a disabled subject", findsDisabled},
		{"a name that nobody has is ErrNotFound", unknown},
		{"replace changes the hash of one subject", replaces},
		{"replace of a hash that is not current changes nothing", replacesNothing},
		{"change gives another password, and ends what the user has", changes},
		{"change of a hash that is not current changes nothing", changesNothing},
		{"of many who change a password at once one does", changedOnce},
		{"each failed attempt leaves one record, and nothing else does", failuresAreRecorded},
		{"N323: beyond the first hundred, failures of one source are one record", manyFailuresAreCounted},
		{"N323: failures at once are each recorded or counted", failuresAtOnce},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newStores(t)) })
	}
}

// another hash than that of directorytest.
const another = directorytest.Hash + "B"

func find(t *testing.T, s directorytest.Stores, username string) credential.Credential {
	t.Helper()
	c, err := s.Credentials.Find(t.Context(), username)
	if err != nil {
		t.Fatalf("Find() = %v", err)
	}
	return c
}

func finds(t *testing.T, s directorytest.Stores) {
	u := s.Subject(t, "ada")
	s.Subject(t, "bob")
	want := credential.Credential{Subject: u, PasswordHash: directorytest.Hash}
	if diff := cmp.Diff(want, find(t, s, "ada")); diff != "" {
		t.Errorf("Find() differs (-want +got):\n%s", diff)
	}
}

func findsDisabled(t *testing.T, s directorytest.Stores) {
	u := s.Subject(t, "ada")
	if _, _, err := s.Subjects.Disable(t.Context(), u.Sub); err != nil {
		t.Fatalf("Disable() = %v", err)
	}
	if c := find(t, s, "ada"); !c.Subject.Disabled || c.Subject.Version != 2 {
		t.Errorf("Find() = %+v, want it disabled", c.Subject)
	}
}

func unknown(t *testing.T, s directorytest.Stores) {
	s.Subject(t, "ada")
	for _, name := range []string{"", "Ada", "ada ", "%"} {
		if _, err := s.Credentials.Find(t.Context(), name); !errors.Is(err, credential.ErrNotFound) {
			t.Errorf("Find(%q) = %v", name, err)
		}
	}
}

func replaces(t *testing.T, s directorytest.Stores) {
	s.Subject(t, "ada")
	s.Subject(t, "bob")
	if err := s.Credentials.Replace(t.Context(), find(t, s, "ada"), another); err != nil {
		t.Fatalf("Replace() = %v", err)
	}
	if got := find(t, s, "ada").PasswordHash; got != another {
		t.Errorf("Find() = %q, want the other hash", got)
	}
	if got := find(t, s, "bob").PasswordHash; got != directorytest.Hash {
		t.Errorf("Find(bob) = %q, want the hash as it was", got)
	}
}

func replacesNothing(t *testing.T, s directorytest.Stores) {
	s.Subject(t, "ada")
	c := find(t, s, "ada")
	c.PasswordHash = another
	if err := s.Credentials.Replace(t.Context(), c, another); err != nil {
		t.Fatalf("Replace() = %v", err)
	}
	if got := find(t, s, "ada").PasswordHash; got != directorytest.Hash {
		t.Errorf("Find() = %q, want the hash as it was", got)
	}
}

func changes(t *testing.T, s directorytest.Stores) {
	ada, bob := s.Subject(t, "ada"), s.Subject(t, "bob")
	for i, present := range []string{directorytest.Hash, ""} {
		hash := another + string(rune('A'+i))
		trail, version := s.Audit.Follow(t), ada.Version+int64(i)+1
		got, restrictions, err := s.Credentials.Change(t.Context(), ada.Sub, present, hash)
		if err != nil || got.Sub != ada.Sub || got.Version != version {
			t.Fatalf("Change() = %+v, %v, want version %d", got, err, version)
		}
		want := []coherent.Restriction{coherent.Subject(ada.Sub, version)}
		if diff := cmp.Diff(want, restrictions); diff != "" {
			t.Errorf("Change() differs (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, s.Log(t)[i:]); diff != "" {
			t.Errorf("log differs (-want +got):\n%s", diff)
		}
		trail.Check(t, event.Event{Type: event.PasswordChanged, Sub: ada.Sub})
		if c := find(t, s, "ada"); c.PasswordHash != hash || c.Subject.Version != version {
			t.Errorf("Find() = %+v, want the other hash", c)
		}
	}
	if diff := cmp.Diff(credential.Credential{Subject: bob, PasswordHash: directorytest.Hash}, find(t, s, "bob")); diff != "" {
		t.Errorf("Find(bob) differs (-want +got):\n%s", diff)
	}
}

func changesNothing(t *testing.T, s directorytest.Stores) {
	ada := s.Subject(t, "ada")
	trail := s.Audit.Follow(t)
	if _, _, err := s.Credentials.Change(t.Context(), ada.Sub, another, another+"C"); !errors.Is(err, credential.ErrChanged) {
		t.Errorf("Change() = %v, want %v", err, credential.ErrChanged)
	}
	if _, _, err := s.Credentials.Change(t.Context(), uuid.NewString(), "", another); !errors.Is(err, subject.ErrNotFound) {
		t.Errorf("Change() of nobody = %v, want %v", err, subject.ErrNotFound)
	}
	trail.Check(t)
	s.Audit.Break(t)
	if _, _, err := s.Credentials.Change(t.Context(), ada.Sub, "", another); err == nil {
		t.Error("a password is changed without a record")
	}
	if c := find(t, s, "ada"); c.PasswordHash != directorytest.Hash || c.Subject.Version != ada.Version || len(s.Log(t)) != 0 {
		t.Errorf("Find() = %+v with log %v, want it as it was", c, s.Log(t))
	}
}

func changedOnce(t *testing.T, s directorytest.Stores) {
	ada := s.Subject(t, "ada")
	var (
		won atomic.Int32
		wg  sync.WaitGroup
	)
	for i := range 16 {
		wg.Go(func() {
			_, _, err := s.Credentials.Change(t.Context(), ada.Sub, directorytest.Hash, another+strconv.Itoa(i))
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, credential.ErrChanged):
				t.Errorf("Change() = %v", err)
			}
		})
	}
	wg.Wait()
	if got := find(t, s, "ada"); won.Load() != 1 || got.Subject.Version != ada.Version+1 {
		t.Errorf("%d changed it, version %d, want one", won.Load(), got.Subject.Version)
	}
}
