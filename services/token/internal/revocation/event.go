package revocation

import (
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/event"
)

// Revoked is the event of an access token's end. A client's own token has
// neither subject, grant nor family.
func Revoked(t credential.AccessToken) event.Event {
	e := event.Event{Type: event.TokenRevoked, ClientID: t.ClientID, Sub: t.Sub, GrantID: t.GrantID}
	if t.Sub != "" {
		e.FamilyID = t.FamilyID // a client's own tokens are one that has no row
	}
	return e
}
