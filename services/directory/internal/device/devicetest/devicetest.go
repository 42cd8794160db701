// Package devicetest is what every *device.Store must do.
package devicetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/directory/internal/device"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
)

// RunStore checks a store on an empty database.
func RunStore(t *testing.T, newStores func(*testing.T) directorytest.Stores) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, directorytest.Stores)
	}{
		{"a device is known for its user alone", known},
		{"a browser has devices of several users", several},
		{"a password and the end of everything end devices", ends},
		{"a device that was remembered again lives on", remembered},
		{"a user who has changed since is not remembered", changed},
		{"the oldest go beyond the limit", bounded},
		{"the limit holds among many at once", boundedConcurrently},
		{"a device that is over is not known, and swept", swept},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newStores(t)) })
	}
}

const lifetime = time.Hour

func digest(handle string) secret.Digest { return secret.DigestOf(handle) }

func remember(t *testing.T, s directorytest.Stores, u subject.Subject, handle string, life time.Duration) {
	t.Helper()
	err := s.Devices.Remember(t.Context(), device.Device{Digest: digest(handle), Sub: u.Sub, SubjectVersion: u.Version}, life)
	if err != nil {
		t.Fatalf("Remember() = %v", err)
	}
}

// wantKnown wants the user to be known by one of the handles.
func wantKnown(t *testing.T, s directorytest.Stores, username string, handles ...string) {
	t.Helper()
	if n := findKnown(t, s, username, handles); n != 1 {
		t.Errorf("Find(%q, %q) = %d, want 1", username, handles, n)
	}
}

// wantUnknown wants the user to be known by none of the handles.
func wantUnknown(t *testing.T, s directorytest.Stores, username string, handles ...string) {
	t.Helper()
	if n := findKnown(t, s, username, handles); n != 0 {
		t.Errorf("Find(%q, %q) = %d, want none", username, handles, n)
	}
}

func findKnown(t *testing.T, s directorytest.Stores, username string, handles []string) int {
	t.Helper()
	var digests []secret.Digest
	for _, h := range handles {
		digests = append(digests, digest(h))
	}
	found, err := s.Devices.Find(t.Context(), username, digests)
	if err != nil {
		t.Fatalf("Find() = %v", err)
	}
	return len(found)
}

func known(t *testing.T, s directorytest.Stores) {
	ada := s.Subject(t, "ada")
	s.Subject(t, "bob")
	remember(t, s, ada, "one", lifetime)
	wantKnown(t, s, "ada", "one")
	wantKnown(t, s, "ada", "other", "one")
	wantUnknown(t, s, "ada", "other")
	wantUnknown(t, s, "ada")
	for _, name := range []string{"bob", "Ada", "nobody", ""} {
		wantUnknown(t, s, name, "one")
	}
}

func several(t *testing.T, s directorytest.Stores) {
	remember(t, s, s.Subject(t, "ada"), "of ada", lifetime)
	remember(t, s, s.Subject(t, "bob"), "of bob", lifetime)
	for _, name := range []string{"ada", "bob"} {
		found, err := s.Devices.Find(t.Context(), name, []secret.Digest{digest("of bob"), digest("of ada")})
		if err != nil || len(found) != 1 || found[0] != digest("of "+name) {
			t.Errorf("Find(%q) = %v, %v, want its own", name, found, err)
		}
	}
}

func ends(t *testing.T, s directorytest.Stores) {
	ada, bob := s.Subject(t, "ada"), s.Subject(t, "bob")
	remember(t, s, ada, "of ada", lifetime)
	remember(t, s, bob, "of bob", lifetime)
	if _, _, err := s.Credentials.Change(t.Context(), ada.Sub, "", directorytest.Hash); err != nil {
		t.Fatalf("Change() = %v", err)
	}
	wantUnknown(t, s, "ada", "of ada")
	if _, _, err := s.Subjects.Disable(t.Context(), bob.Sub); err != nil {
		t.Fatalf("Disable() = %v", err)
	}
	if _, err := s.Subjects.Enable(t.Context(), bob.Sub); err != nil {
		t.Fatalf("Enable() = %v", err)
	}
	wantUnknown(t, s, "bob", "of bob")
}

func remembered(t *testing.T, s directorytest.Stores) {
	ada := s.Subject(t, "ada")
	remember(t, s, ada, "this", lifetime)
	remember(t, s, ada, "other", lifetime)
	changed, _, err := s.Credentials.Change(t.Context(), ada.Sub, "", directorytest.Hash)
	if err != nil {
		t.Fatalf("Change() = %v", err)
	}
	remember(t, s, changed, "this", lifetime)
	wantKnown(t, s, "ada", "this")
	wantUnknown(t, s, "ada", "other")
	if n := s.DeviceRows(t); n != 1 {
		t.Errorf("%d rows, want the one that is known", n)
	}
}

func changed(t *testing.T, s directorytest.Stores) {
	ada := s.Subject(t, "ada")
	if _, _, err := s.Credentials.Change(t.Context(), ada.Sub, "", directorytest.Hash); err != nil {
		t.Fatalf("Change() = %v", err)
	}
	remember(t, s, ada, "late", lifetime)
	remember(t, s, subject.Subject{Sub: uuid.NewString(), Version: 1}, "of nobody", lifetime)
	if n := s.DeviceRows(t); n != 0 {
		t.Errorf("%d rows, want none", n)
	}
}

func bounded(t *testing.T, s directorytest.Stores) {
	ada := s.Subject(t, "ada")
	remember(t, s, s.Subject(t, "bob"), "of bob", lifetime)
	for n := range device.MaxPerSubject + 1 {
		if n > 0 {
			wantKnown(t, s, "ada", "0")
		}
		remember(t, s, ada, fmt.Sprint(n), lifetime+time.Duration(n)*time.Second)
	}
	wantUnknown(t, s, "ada", "0")
	for n := 1; n <= device.MaxPerSubject; n++ {
		wantKnown(t, s, "ada", fmt.Sprint(n))
	}
	wantKnown(t, s, "bob", "of bob")
}

func boundedConcurrently(t *testing.T, s directorytest.Stores) {
	ada := s.Subject(t, "ada")
	var wg sync.WaitGroup
	for n := range 2 * device.MaxPerSubject {
		wg.Go(func() {
			d := device.Device{Digest: digest(fmt.Sprint(n)), Sub: ada.Sub, SubjectVersion: ada.Version}
			if err := s.Devices.Remember(t.Context(), d, lifetime); err != nil {
				t.Errorf("Remember() = %v", err)
			}
		})
	}
	wg.Wait()
	if n := s.DeviceRows(t); n != device.MaxPerSubject {
		t.Errorf("%d rows, want %d", n, device.MaxPerSubject)
	}
}

func swept(t *testing.T, s directorytest.Stores) {
	ada, bob := s.Subject(t, "ada"), s.Subject(t, "bob")
	remember(t, s, ada, "live", lifetime)
	remember(t, s, bob, "over", -time.Second)
	wantUnknown(t, s, "bob", "over")
	if _, err := sweeptest.All(t.Context(), s.Devices.Sweeps()...); err != nil {
		t.Fatalf("Sweep() = %v", err)
	}
	if n := s.DeviceRows(t); n != 1 {
		t.Errorf("%d rows after Sweep(), want 1", n)
	}
	wantKnown(t, s, "ada", "live")
}
