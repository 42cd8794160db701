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
	// Late is when one came after it, and ended its family; zero if none did.
	Late time.Time
}

const (
	// RepetitionPeriod is for how long one note, and one event, stand for all
	// repetitions of a grant's tokens within the window: a client of several
	// processes repeats with every refresh.
	RepetitionPeriod = time.Hour
	// ReuseMemory is for how long a reuse is noted.
	ReuseMemory = 90 * 24 * time.Hour
)
