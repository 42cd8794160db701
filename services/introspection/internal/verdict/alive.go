package verdict

import (
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/introspection/internal/accesstoken"
)

// skew is how far the clock of whoever minted a token may be ahead.
const skew = time.Minute

// Alive says whether the token as a whole is still good. What it permits may
// have shrunk to nothing all the same.
func Alive(t *accesstoken.Token, s *coherent.State, now time.Time) bool {
	return timely(t, now) && !revoked(t, s)
}

// timely judges the times in the token. That exp is bounded by iat keeps a
// restriction from being forgotten before the last token that it concerns.
func timely(t *accesstoken.Token, now time.Time) bool {
	life := t.ExpireTime.Sub(t.IssueTime)
	return now.Before(t.ExpireTime) && // RFC 7519 §4.1.4: on or after it is too late
		!t.IssueTime.After(now.Add(skew)) &&
		life > 0 && life <= preset.LongestAccessToken
}

// revoked compares each version in the token with what was restricted since. A
// nil id names nothing that could be revoked.
func revoked(t *accesstoken.Token, s *coherent.State) bool {
	return t.RestoreEpoch < s.RestoreEpoch() ||
		s.KeyRetired(t.KeyID) ||
		s.TokenRevoked(t.ID) ||
		t.ClientVersion < s.ClientEpoch(t.ClientID) ||
		t.Sub != "" && t.SubjectVersion < s.SubjectEpoch(t.Sub) ||
		t.GrantID != uuid.Nil && t.GrantVersion < s.GrantEpoch(t.GrantID) ||
		t.FamilyID != uuid.Nil && t.IssueTime.Unix() < s.FamilyEpoch(t.FamilyID) ||
		t.SessionID != uuid.Nil && s.SessionEnded(t.SessionID) ||
		t.Required.ID != uuid.Nil && !s.Role(t.Sub, t.Required.ID, t.Required.Role, t.Required.MembershipVersion).Valid()
}
