package code

import (
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/event"
)

// reused is the event of a code that came again. Its family, started or not, has
// the code's id.
func reused(c credential.AuthorizationCode) event.Event {
	return event.Event{Type: event.CodeReused, ClientID: c.ClientID, Sub: c.Sub, GrantID: c.GrantID, FamilyID: c.ID}
}
