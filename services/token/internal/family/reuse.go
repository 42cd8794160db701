package family

import (
	"time"

	"github.com/google/uuid"
)

// Reuse is when tokens of a grant were presented that had been replaced.
type Reuse struct {
	GrantID uuid.UUID
	// Repeated is when one came within the window, to the precision of
	// RepetitionPeriod; zero if none did.
	Repeated time.Time
	// Late is when one ended its family: it came after the window, or at any time from
	// another client; zero if none did.
	Late time.Time
}

const (
	// RepetitionPeriod is for how long one event, and one note, stand for all
	// repetitions of a family's tokens within the window: a client of several
	// processes repeats with every refresh.
	RepetitionPeriod = time.Hour
	// ReuseMemory is for how long a reuse is noted.
	ReuseMemory = 90 * 24 * time.Hour
)
