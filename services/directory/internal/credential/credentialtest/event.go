package credentialtest

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
)

func failuresAreRecorded(t *testing.T, s directorytest.Stores) {
	u := s.Subject(t, "ada")
	trail := s.Audit.Follow(t)
	for _, sub := range []string{u.Sub, "", u.Sub} {
		if err := s.Credentials.NoteFailure(t.Context(), sub); err != nil {
			t.Fatal(err)
		}
		trail.Check(t, event.Event{Type: event.SignInFailed, Sub: sub})
	}
	if err := s.Credentials.Replace(t.Context(), find(t, s, "ada"), another); err != nil {
		t.Fatal(err)
	}
	trail.Check(t)
}
