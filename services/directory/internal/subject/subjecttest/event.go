package subjecttest

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
)

func changesAreRecorded(t *testing.T, s directorytest.Stores) {
	trail := s.Audit.Follow(t)
	ada := s.Subject(t, "ada")
	trail.Check(t, event.Event{Type: event.SubjectCreated, Sub: ada.Sub})
	_, err := s.Subjects.Create(t.Context(), subject.Subject{Sub: uuid.NewString(), Username: "ada"}, directorytest.Hash)
	if !errors.Is(err, subject.ErrExists) {
		t.Errorf("Create() of a name that is taken = %v", err)
	}
	trail.Check(t)

	if _, _, err := s.Subjects.Disable(t.Context(), ada.Sub); err != nil {
		t.Fatal(err)
	}
	trail.Check(t, event.Event{Type: event.SubjectDisabled, Sub: ada.Sub})
	if _, err := s.Subjects.Enable(t.Context(), ada.Sub); err != nil {
		t.Fatal(err)
	}
	trail.Check(t, event.Event{Type: event.SubjectEnabled, Sub: ada.Sub})

	_, _, disabled := s.Subjects.Disable(t.Context(), uuid.NewString())
	_, enabled := s.Subjects.Enable(t.Context(), uuid.NewString())
	for _, err := range []error{disabled, enabled} {
		if !errors.Is(err, subject.ErrNotFound) {
			t.Errorf("a change of nobody = %v", err)
		}
	}
	trail.Check(t)
}

func unrecordedDoesNotHappen(t *testing.T, s directorytest.Stores) {
	ada := s.Subject(t, "ada")
	s.Audit.Break(t)
	if _, _, err := s.Subjects.Disable(t.Context(), ada.Sub); err == nil {
		t.Error("a subject is disabled without a record")
	}
	if _, err := s.Subjects.Create(t.Context(), subject.Subject{Sub: uuid.NewString(), Username: "bob"}, directorytest.Hash); err == nil {
		t.Error("a subject is created without a record")
	}
	if got, err := s.Subjects.Find(t.Context(), ada.Sub); err != nil || got.Disabled || got.Version != 1 {
		t.Errorf("Find() = %+v, %v, want it as it was", got, err)
	}
	if _, err := s.Subjects.FindByUsername(t.Context(), "bob"); !errors.Is(err, subject.ErrNotFound) {
		t.Errorf("Find() of who was not created = %v", err)
	}
	if log := s.Log(t); len(log) != 0 {
		t.Errorf("log has %v", log)
	}
}
