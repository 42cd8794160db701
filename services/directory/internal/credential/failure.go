package credential

import (
	"time"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/secret"
)

// FailureTable has the windows of failures.
const FailureTable = "directory.failure"

const (
	// maxFailures is how many failed sign-ins of one address block are recorded one by
	// one within failureWindow. Later ones are counted, and are one record when it is
	// over: whoever fails cannot fill the disk, and nothing is silent.
	maxFailures   = 100
	failureWindow = time.Hour
)

// Failure is a failed attempt.
type Failure struct {
	// Sub is of the user whose name was given; empty for nobody's.
	Sub string
	// Source names where it came from, and does not tell it.
	Source secret.Digest
	// Window begins with the first failure of its source.
	Window time.Duration
}

// Recorded reports whether the failure that is number n of its window, from 1, has a
// record of its own.
func Recorded(n int64) bool { return n <= maxFailures }

// Record is the event of a failure.
func (f Failure) Record() event.Event { return event.Event{Type: event.SignInFailed, Sub: f.Sub} }

// Summaries are the events of the failures that were counted in windows which are over,
// each with that many failures in all.
func Summaries(windows []int64) (events []event.Event) {
	for _, n := range windows {
		if !Recorded(n) {
			events = append(events, event.Event{Type: event.SignInFailed, Count: n - maxFailures})
		}
	}
	return events
}
