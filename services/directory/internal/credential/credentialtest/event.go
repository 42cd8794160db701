package credentialtest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
)

func failuresAreRecorded(t *testing.T, s directorytest.Stores) {
	u := s.Subject(t, "ada")
	trail := s.Audit.Follow(t)
	for _, sub := range []string{u.Sub, "", u.Sub} {
		if !note(t, s, credential.Failure{Sub: sub, Window: time.Hour}) {
			t.Error("the failure is not recorded")
		}
		trail.Check(t, event.Event{Type: event.SignInFailed, Sub: sub})
	}
	if err := s.Credentials.Replace(t.Context(), find(t, s, "ada"), another); err != nil {
		t.Fatal(err)
	}
	trail.Check(t)
}

// note returns whether the failure was recorded.
func note(t *testing.T, s directorytest.Stores, f credential.Failure) bool {
	t.Helper()
	recorded, err := s.Credentials.NoteFailure(t.Context(), f)
	if err != nil {
		t.Errorf("NoteFailure() = %v", err)
	}
	return recorded
}

// closeFailures closes about limit windows that are over, and returns how many.
func closeFailures(t *testing.T, s directorytest.Stores, limit int) int64 {
	t.Helper()
	table := s.Credentials.Sweeps()[0]
	now, err := table.Now(t.Context())
	if err != nil {
		t.Error(err)
	}
	closed, err := table.Delete(t.Context(), now, limit)
	if err != nil || closed.More != (closed.Rows == int64(limit)) {
		t.Errorf("Delete() = %+v, %v", closed, err)
	}
	return closed.Rows
}

// wantClosed checks that so many are closed.
func wantClosed(t *testing.T, s directorytest.Stores, limit int, want int64) {
	t.Helper()
	if got := closeFailures(t, s, limit); got != want {
		t.Errorf("%d windows are closed, want %d", got, want)
	}
}

// failed is so many records of a failure, one by one.
func failed(sub string, n int) (events []event.Event) {
	for range n {
		events = append(events, event.Event{Type: event.SignInFailed, Sub: sub})
	}
	return events
}

func manyFailuresAreCounted(t *testing.T, s directorytest.Stores) {
	trail := s.Audit.Follow(t)
	// The windows of this source are over at once, and those of the other are not.
	one := credential.Failure{Sub: "s1", Source: secret.DigestOf("192.0.2.1/32")}
	other := credential.Failure{Source: secret.DigestOf("192.0.2.2/32"), Window: time.Hour}
	for i := range 130 {
		if recorded := note(t, s, one); recorded != (i < 100) {
			t.Errorf("failure %d is recorded: %v", i, recorded)
		}
	}
	note(t, s, other)
	trail.Check(t, append(failed("s1", 100), failed("", 1)...)...)
	wantClosed(t, s, 10, 1)
	trail.Check(t, event.Event{Type: event.SignInFailed, Count: 30})
	wantClosed(t, s, 10, 0)
	trail.Check(t)
	// A new window begins. One with few failures leaves nothing to add.
	note(t, s, one)
	trail.Check(t, failed("s1", 1)...)
	wantClosed(t, s, 10, 1)
	trail.Check(t)
	for i := range 3 {
		note(t, s, credential.Failure{Source: secret.DigestOf(string(rune('a' + i)))})
	}
	wantClosed(t, s, 2, 2)
	wantClosed(t, s, 2, 1)
}

// Each failure is recorded or counted, and each window is closed once, however many
// processes there are.
func failuresAtOnce(t *testing.T, s directorytest.Stores) {
	trail := s.Audit.Follow(t)
	f := credential.Failure{Source: secret.DigestOf("192.0.2.1/32")}
	const callers, each = 8, 20
	var recorded, closed atomic.Int64
	atOnce(callers, func() {
		for range each {
			if note(t, s, f) {
				recorded.Add(1)
			}
		}
	})
	if got := recorded.Load(); got != 100 {
		t.Errorf("%d are recorded, want 100", got)
	}
	trail.Check(t, failed("", 100)...)
	atOnce(callers, func() { closed.Add(closeFailures(t, s, 10)) })
	if got := closed.Load(); got != 1 {
		t.Errorf("the window was closed %d times", got)
	}
	trail.Check(t, event.Event{Type: event.SignInFailed, Count: callers*each - 100})
}

// atOnce runs f so often at once.
func atOnce(n int, f func()) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(f)
	}
	wg.Wait()
}
