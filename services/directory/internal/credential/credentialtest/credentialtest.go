// Package credentialtest is what every credential.Store must do.
package credentialtest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
)

// RunStore checks an implementation of credential.Store on an empty database.
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
