// Package subjecttest is what every *subject.Store must do.
package subjecttest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/page"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
)

// RunStore checks a store on an empty database.
func RunStore(t *testing.T, newStores func(*testing.T) directorytest.Stores) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, directorytest.Stores)
	}{
		{"find returns what was created", findsCreated},
		{"unknown subjects are ErrNotFound", unknown},
		{"user names that differ in a byte are different (N281)", namesDiffer},
		{"a user name is taken once", nameTaken},
		{"of many who create one user name one wins", oneCreatorWins},
		{"a longest user name is kept", longestName},
		{"a subject that is not created leaves no credential", noCredentialWithoutSubject},
		{"disable marks, raises the version and restricts", disables},
		{"disabling again restricts again", disablesAgain},
		{"enable takes the mark away and restricts nothing", enables},
		{"concurrent disabling raises the version each time", concurrentDisable},
		{"pages are complete while subjects are added", pages},
		{"every change leaves one record, and a failed one none", changesAreRecorded},
		{"N291 a change without its record does not happen", unrecordedDoesNotHappen},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newStores(t)) })
	}
}

func findsCreated(t *testing.T, s directorytest.Stores) {
	want := subject.Subject{
		Sub:      uuid.NewString(),
		Username: "Zoë' OR 1=1 --\U0001F600",
		Claims: subject.Claims{
			"name": "Zo\u00eb <z>", "email_verified": true, "updated_at": float64(1700000000),
			"address": map[string]any{"country": "NL"}, "odd": "\x00\ufffd", "list": []any{"a", nil},
		},
	}
	created, err := s.Subjects.Create(t.Context(), want, directorytest.Hash)
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	if created.CreateTime.IsZero() {
		t.Error("Create() sets no CreateTime")
	}
	want.Version, want.CreateTime = 1, created.CreateTime
	bySub, err := s.Subjects.Find(t.Context(), want.Sub)
	if err != nil {
		t.Fatalf("Find() = %v", err)
	}
	byName, err := s.Subjects.FindByUsername(t.Context(), want.Username)
	if err != nil {
		t.Fatalf("FindByUsername() = %v", err)
	}
	for name, got := range map[string]subject.Subject{"Create": created, "Find": bySub, "FindByUsername": byName} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s() differs (-want +got):\n%s", name, diff)
		}
	}
}

func unknown(t *testing.T, s directorytest.Stores) {
	known := s.Subject(t, "ada")
	if _, err := s.Subjects.Find(t.Context(), uuid.NewString()); !errors.Is(err, subject.ErrNotFound) {
		t.Errorf("Find(unknown) = %v", err)
	}
	if _, err := s.Subjects.Find(t.Context(), strings.ToUpper(known.Sub)); !errors.Is(err, subject.ErrNotFound) {
		t.Errorf("Find(in upper case) = %v", err)
	}
	if _, err := s.Subjects.FindByUsername(t.Context(), ""); !errors.Is(err, subject.ErrNotFound) {
		t.Errorf("FindByUsername(empty) = %v", err)
	}
	if _, _, err := s.Subjects.Disable(t.Context(), uuid.NewString()); !errors.Is(err, subject.ErrNotFound) {
		t.Errorf("Disable(unknown) = %v", err)
	}
	if _, err := s.Subjects.Enable(t.Context(), uuid.NewString()); !errors.Is(err, subject.ErrNotFound) {
		t.Errorf("Enable(unknown) = %v", err)
	}
	if log := s.Log(t); len(log) != 0 {
		t.Errorf("log has %v", log)
	}
}

func namesDiffer(t *testing.T, s directorytest.Stores) {
	names := []string{"ada", "Ada", "ada ", "\u00e5da", "a\u030ada", "\u0430da", "\uff41da", "%da", "ad_"}
	subs := make(map[string]string)
	for _, name := range names {
		subs[name] = s.Subject(t, name).Sub
	}
	for _, name := range names {
		got, err := s.Subjects.FindByUsername(t.Context(), name)
		if err != nil || got.Sub != subs[name] {
			t.Errorf("FindByUsername(%+q) = %q, %v, want %q", name, got.Sub, err, subs[name])
		}
	}
}

func nameTaken(t *testing.T, s directorytest.Stores) {
	s.Subject(t, "ada")
	_, err := s.Subjects.Create(t.Context(), subject.Subject{Sub: uuid.NewString(), Username: "ada"}, directorytest.Hash)
	if !errors.Is(err, subject.ErrExists) {
		t.Errorf("Create(taken) = %v", err)
	}
}

func oneCreatorWins(t *testing.T, s directorytest.Stores) {
	const callers = 16
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = s.Subjects.Create(t.Context(), subject.Subject{Sub: uuid.NewString(), Username: "ada"}, directorytest.Hash)
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, subject.ErrExists):
			t.Errorf("Create() = %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d created the user, want 1", won)
	}
}

func longestName(t *testing.T, s directorytest.Stores) {
	name := strings.Repeat("\u00e9", 128)
	if got := s.Subject(t, name); got.Username != name {
		t.Errorf("Create() keeps %q", got.Username)
	}
}

func noCredentialWithoutSubject(t *testing.T, s directorytest.Stores) {
	_, err := s.Subjects.Create(t.Context(), subject.Subject{Sub: uuid.NewString(), Username: "ada"}, "plain text")
	if err == nil {
		t.Fatal("Create() accepts what is no hash")
	}
	if _, err := s.Subjects.FindByUsername(t.Context(), "ada"); !errors.Is(err, subject.ErrNotFound) {
		t.Errorf("FindByUsername() = %v, want %v", err, subject.ErrNotFound)
	}
}

func disables(t *testing.T, s directorytest.Stores) {
	u, other := s.Subject(t, "ada"), s.Subject(t, "bob")
	got, restrictions, err := s.Subjects.Disable(t.Context(), u.Sub)
	if err != nil {
		t.Fatalf("Disable() = %v", err)
	}
	want := u
	want.Disabled, want.Version = true, 2
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Disable() differs (-want +got):\n%s", diff)
	}
	wantLog := []coherent.Restriction{coherent.Subject(u.Sub, 2)}
	if diff := cmp.Diff(wantLog, restrictions); diff != "" {
		t.Errorf("Disable() restricts otherwise (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantLog, s.Log(t)); diff != "" {
		t.Errorf("log differs (-want +got):\n%s", diff)
	}
	if found, err := s.Subjects.Find(t.Context(), u.Sub); err != nil || !found.Disabled {
		t.Errorf("Find() = %+v, %v, want a disabled subject", found, err)
	}
	if found, err := s.Subjects.Find(t.Context(), other.Sub); err != nil || found.Disabled || found.Version != 1 {
		t.Errorf("Find(other) = %+v, %v, want it untouched", found, err)
	}
}

func disablesAgain(t *testing.T, s directorytest.Stores) {
	u := s.Subject(t, "ada")
	for version := int64(2); version <= 3; version++ {
		got, restrictions, err := s.Subjects.Disable(t.Context(), u.Sub)
		if err != nil || got.Version != version || len(restrictions) != 1 || restrictions[0].Version != version {
			t.Errorf("Disable() = %+v, %v, %v, want version %d", got, restrictions, err, version)
		}
	}
}

func enables(t *testing.T, s directorytest.Stores) {
	u := s.Subject(t, "ada")
	if _, _, err := s.Subjects.Disable(t.Context(), u.Sub); err != nil {
		t.Fatalf("Disable() = %v", err)
	}
	for range 2 {
		got, err := s.Subjects.Enable(t.Context(), u.Sub)
		if err != nil || got.Disabled || got.Version != 2 {
			t.Errorf("Enable() = %+v, %v, want enabled with version 2", got, err)
		}
	}
	if log := s.Log(t); len(log) != 1 {
		t.Errorf("log has %v, want what Disable logged", log)
	}
}

func concurrentDisable(t *testing.T, s directorytest.Stores) {
	const callers = 16
	u := s.Subject(t, "ada")
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if _, _, err := s.Subjects.Disable(t.Context(), u.Sub); err != nil {
				t.Errorf("Disable() = %v", err)
			}
		})
	}
	wg.Wait()
	got, err := s.Subjects.Find(t.Context(), u.Sub)
	if err != nil || got.Version != 1+callers {
		t.Errorf("Find() = %+v, %v, want version %d", got, err, 1+callers)
	}
}

func pages(t *testing.T, s directorytest.Stores) {
	const size = 3
	before := make([]string, 10)
	for i := range before {
		before[i] = s.Subject(t, fmt.Sprintf("before %d", i)).Sub
	}
	var seen []string
	var after page.Cursor
	for full := true; full; {
		got, err := s.Subjects.List(t.Context(), after, size)
		if err != nil {
			t.Fatalf("List() = %v", err)
		}
		for _, u := range got {
			seen = append(seen, u.Sub)
			after = page.Cursor{CreateTime: u.CreateTime, ID: u.Sub}
		}
		if full = len(got) == size; len(seen) < len(before) {
			s.Subject(t, fmt.Sprintf("after %d", len(seen)))
		}
	}
	directorytest.WantOnce(t, before, seen)
}
