package gateway

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// The longest credentials that are looked at. Beyond, hashing a password would
// be work for whoever asks for it.
const (
	maxUsernameBytes = 256
	maxPasswordBytes = 1024
)

// signIn is the dialog that asks for a password.
func (g *gateway) signIn() *dialog {
	return &dialog{page: authorizev1.Interaction_PAGE_SIGN_IN, view: signInView, act: g.actOnSignIn, direct: &directSignIn{g}}
}

func signInView(_ *http.Request, s sheet) pages.Page {
	page := pages.SignIn{
		Form:        s.form,
		Client:      clientView(s.interaction.GetClient()),
		RedirectURI: s.interaction.GetRedirectUri(),
		Username:    s.interaction.GetLoginHint(),
		Err:         s.complaint,
	}
	if s.posted != nil {
		page.Username = s.posted.Get("username")
	}
	return page
}

func (g *gateway) actOnSignIn(w http.ResponseWriter, r *http.Request, v visit) {
	switch v.posted.Get("action") {
	case "sign-in":
		g.attemptSignIn(w, r, v)
	case "cancel":
		g.cancel(w, r, v)
	default:
		g.pageFailure(w, r, oauth.Refuse(oauth.InvalidRequest, "action must be sign-in or cancel"))
	}
}

func (g *gateway) attemptSignIn(w http.ResponseWriter, r *http.Request, v visit) {
	username, password := v.posted.Get("username"), v.posted.Get("password")
	if complaints := unusable(username, password); len(complaints) > 0 {
		v.dialog.again(w, r, http.StatusBadRequest, v, complaints...)
		return
	}
	resp, err := g.Authorize.SignIn(r.Context(), &authorizev1.SignInRequest{
		Transaction: v.transaction, Browser: v.browser, Username: username, Password: password,
	})
	if err != nil {
		v.dialog.dialogFailure(w, r, err)
		return
	}
	again := func(status int, complaint pages.FieldError) { v.dialog.again(w, r, status, v, complaint) }
	if g.admitted(w, r, resp, again) {
		g.execute(w, r, v.transaction, resp.GetNext())
	}
}

// attempt is how a sign-in went, for a pending authorization or without one.
type attempt interface {
	GetOutcome() authorizev1.SignInResponse_Outcome
	GetRetryAfter() *durationpb.Duration
	GetSession() string
	GetDevice() string
}

// longWait is from when on a wait is told as one until tomorrow.
const longWait = time.Hour

// admitted gives the browser its session if the attempt succeeded. Otherwise it has
// answered: again shows the page once more, with what was wrong.
func (g *gateway) admitted(w http.ResponseWriter, r *http.Request, a attempt, again func(status int, complaint pages.FieldError)) bool {
	switch a.GetOutcome() {
	case authorizev1.SignInResponse_OUTCOME_SIGNED_IN:
		setCookie(w, sessionCookie, a.GetSession(), 0)
		keepDevice(w, r, a.GetDevice())
		return true
	case authorizev1.SignInResponse_OUTCOME_TOO_MANY_ATTEMPTS:
		wait, complaint := a.GetRetryAfter().AsDuration(), pages.TooManyAttempts
		if wait > longWait {
			complaint = pages.TooManyToday
		}
		w.Header().Set("Retry-After", retrySeconds(wait))
		again(http.StatusTooManyRequests, pages.FieldError{Complaint: complaint})
	case authorizev1.SignInResponse_OUTCOME_REFUSED:
		again(http.StatusUnauthorized, pages.FieldError{Field: pages.FieldPassword, Complaint: pages.SignInRefused})
	default:
		g.pageFailure(w, r, oauth.Refuse(oauth.ServerError, "sign-in has no known outcome"))
	}
	return false
}

// unusable says what is wrong with credentials before anybody looks them up.
func unusable(username, password string) []pages.FieldError {
	var complaints []pages.FieldError
	if len(username) > maxUsernameBytes || len(password) > maxPasswordBytes {
		return []pages.FieldError{{Field: pages.FieldPassword, Complaint: pages.SignInRefused}}
	}
	if username == "" {
		complaints = append(complaints, pages.FieldError{Field: pages.FieldUsername, Complaint: pages.UsernameMissing})
	}
	if password == "" {
		complaints = append(complaints, pages.FieldError{Field: pages.FieldPassword, Complaint: pages.PasswordMissing})
	}
	return complaints
}

// cancel gives the transaction up; the client is told.
func (g *gateway) cancel(w http.ResponseWriter, r *http.Request, v visit) {
	resp, err := g.Authorize.CancelAuthorization(r.Context(), &authorizev1.CancelAuthorizationRequest{
		Transaction: v.transaction, Browser: v.browser,
	})
	if err != nil {
		v.dialog.dialogFailure(w, r, err)
		return
	}
	g.execute(w, r, v.transaction, resp.GetNext())
}

// retrySeconds is d as a Retry-After header: whole seconds, at least one.
func retrySeconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}
