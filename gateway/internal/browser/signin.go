package browser

import (
	"net/http"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// MaxPassword is the longest password in bytes that is looked at. Beyond, hashing it
// would be work at the wish of any sender.
const MaxPassword = 1024

// longWait is from when on a wait is told as one until tomorrow.
const longWait = time.Hour

// Attempt is how a sign-in went, for a pending authorization or without one.
type Attempt interface {
	GetOutcome() authorizev1.SignInResponse_Outcome
	GetRetryAfter() *durationpb.Duration
	GetSession() string
	GetDevice() string
}

// Admit gives the browser its session if the attempt succeeded. Wrong is the word for
// a refused password. Fails with what to say of an attempt that has failed.
func Admit(w http.ResponseWriter, r *http.Request, a Attempt, wrong pages.Complaint) error {
	switch a.GetOutcome() {
	case authorizev1.SignInResponse_OUTCOME_SIGNED_IN:
		set(w, Session, a.GetSession(), 0)
		keepDevice(w, r, a.GetDevice())
		return nil
	case authorizev1.SignInResponse_OUTCOME_TOO_MANY_ATTEMPTS:
		wait, complaint := a.GetRetryAfter().AsDuration(), pages.TooManyAttempts
		if wait > longWait {
			complaint = pages.TooManyToday
		}
		edge.SetRetryAfter(w, wait)
		return answer.Complain(http.StatusTooManyRequests, pages.FieldError{Complaint: complaint})
	case authorizev1.SignInResponse_OUTCOME_REFUSED:
		return answer.Complain(http.StatusUnauthorized, pages.FieldError{Field: pages.FieldPassword, Complaint: wrong})
	default:
		return oauth.Refuse(oauth.ServerError, "sign-in has no known outcome")
	}
}
