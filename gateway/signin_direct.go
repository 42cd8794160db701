package gateway

import (
	"crypto/subtle"
	"net/http"

	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// directSignIn is the sign-in page for the provider's own pages: there is no
// client, and nothing pending. What leads on is one of these pages, or nothing.
type directSignIn struct{ *gateway }

func (d *directSignIn) get(w http.ResponseWriter, r *http.Request, next string) {
	if !nextPath(next) {
		d.home(w, r)
		return
	}
	who, err := d.signedIn(r)
	switch {
	case err != nil:
		d.pageFailure(w, r, err)
		return
	case who != nil && !tooOld(who.GetSession(), showAge, next):
		seeOther(w, next)
		return
	}
	binding := cookieOf(r, signInCookie)
	if binding == "" {
		binding = setFormCookie(w, signInCookie)
	}
	d.render(w, r, http.StatusOK, pages.SignIn{
		Form: pages.Form{Action: signInPath, Token: formToken(binding)}, Next: next,
		Username: who.GetAccount().GetUsername(),
	})
}

func (d *directSignIn) post(w http.ResponseWriter, r *http.Request, posted form.Values) {
	binding := cookieOf(r, signInCookie)
	switch {
	case !nextPath(posted.Get("next")):
		d.home(w, r)
	case binding == "":
		d.refusalPage(w, r, &oauth.Error{Code: oauth.AccessDenied, Description: "the page is over, or belongs to another browser"}, pages.ReasonExpired)
	case subtle.ConstantTimeCompare([]byte(posted.Get("form_token")), []byte(formToken(binding))) != 1:
		d.foreignForm(w, r)
	case posted.Get("action") == "cancel":
		dropCookie(w, signInCookie)
		seeOther(w, homePath+"?done=cancelled")
	case posted.Get("action") == "sign-in":
		d.attempt(w, r, posted)
	default:
		d.pageFailure(w, r, oauth.Refuse(oauth.InvalidRequest, "action must be sign-in or cancel"))
	}
}

func (d *directSignIn) attempt(w http.ResponseWriter, r *http.Request, posted form.Values) {
	username, password := posted.Get("username"), posted.Get("password")
	again := func(status int, complaints ...pages.FieldError) {
		d.render(w, r, status, pages.SignIn{
			Form: pages.Form{Action: signInPath, Token: posted.Get("form_token")}, Next: posted.Get("next"),
			Username: username, Err: &pages.FormError{Errors: complaints},
		})
	}
	if complaints := unusable(username, password); len(complaints) > 0 {
		again(http.StatusBadRequest, complaints...)
		return
	}
	resp, err := d.Authorize.OpenSession(r.Context(), &authorizev1.OpenSessionRequest{
		Browser: browserOf(r), Username: username, Password: password,
	})
	if err != nil {
		d.pageFailure(w, r, err)
		return
	}
	if d.admitted(w, r, resp, func(status int, complaint pages.FieldError) { again(status, complaint) }) {
		dropCookie(w, signInCookie)
		seeOther(w, posted.Get("next"))
	}
}
