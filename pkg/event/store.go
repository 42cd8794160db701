package event

import (
	"context"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/page"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

// Filter narrows a list of the audit log. The zero value narrows nothing.
type Filter struct {
	// Type is a type, or its first words: "grant" finds "grant.revoked", and not
	// what begins with the same letters only.
	Type     string
	ClientID string
	Sub      string
	// Since is the earliest instant, by the database's clock.
	Since time.Time
}

// AuditLog reads the record of every change. eventtest.Run says what it must do.
type AuditLog interface {
	// List returns at most limit records that the filter lets through, newest
	// first, from behind the cursor. The zero cursor is before the newest.
	List(ctx context.Context, f Filter, after page.Cursor, limit int) ([]Record, error)
}

// Outbox holds events from the transaction that appended them until they are
// published. eventtest.Run says what it must do.
type Outbox interface {
	// Relay hands at most limit events, the oldest first, to publish, and forgets
	// them when it returns nil. It returns how many. Events that another call is
	// handing out at that moment may be left out, and publish may be called again
	// after it succeeded. Fails with the error of publish; the events then stay.
	Relay(ctx context.Context, limit int, publish func(context.Context, []Record) error) (int, error)
	// Lag returns how many events wait, and the age of the oldest; zero when none
	// does.
	Lag(ctx context.Context) (pending int64, oldest time.Duration, err error)
}

// audit is the list that page tokens are of.
const audit page.List = "audit"

// List returns a page of the audit log, newest first, and the token of the next
// page; on the last page that is empty. A size of 0 is 100. Fails with
// fault.Invalid for a token that is none.
func List(ctx context.Context, log AuditLog, f Filter, size int, token string) (events []*eventv1.Event, next string, err error) {
	after, err := audit.Parse(token)
	if err != nil {
		return nil, "", err
	}
	size = page.Size(size)
	// One more tells whether there is another page.
	records, err := log.List(ctx, f, after, size+1)
	if err != nil {
		return nil, "", fmt.Errorf("list audit log: %w", err)
	}
	records, next = page.Cut(audit, records, size, func(r Record) page.Cursor {
		return page.Cursor{CreateTime: r.EventTime, ID: r.ID.String()}
	})
	events = make([]*eventv1.Event, len(records))
	for i, r := range records {
		if events[i], err = r.Event(); err != nil {
			return nil, "", err
		}
	}
	return events, next, nil
}
