package coherent

import (
	"time"

	"github.com/google/uuid"
)

// MaxTokens is how many access tokens of one family end one by one. What ends beyond
// that takes along the older ones of its family, so that the log and each replica
// keep one restriction for all of them.
const MaxTokens = 64

// Ended is what the log has of one access token and its family.
type Ended struct {
	Token bool
	// Family is [State.FamilyEpoch].
	Family int64
	// Tokens is how many of the family have ended one by one.
	Tokens int
}

// End returns the restriction that ends an access token of a client, and false where
// the token has ended already. Family is nil for a token that has none.
func (e Ended) End(token [16]byte, family uuid.UUID, clientID string, issued time.Time) (Restriction, bool) {
	switch {
	case e.Token || e.Family > max(0, issued.Unix()):
		return Restriction{}, false
	case family != uuid.Nil && e.Tokens >= MaxTokens:
		return Family(family, issued.Unix()+1).Of(clientID), true
	default:
		return Token(token).InFamily(family, clientID), true
	}
}
