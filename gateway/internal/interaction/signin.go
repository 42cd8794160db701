package interaction

import (
	"net/http"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/browser"
	"github.com/chancery-auth/chancery/gateway/internal/desk"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/internal/link"
	"github.com/chancery-auth/chancery/gateway/internal/view"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// maxUsernameBytes is the longest user name that is looked at.
const maxUsernameBytes = 256

// SignIn is the dialog that asks for a password.
func (i *Interaction) SignIn() http.Handler {
	d := &dialog{Interaction: i, page: authorizev1.Interaction_PAGE_SIGN_IN, view: signInView, act: i.actOnSignIn, direct: &direct{i}}
	return d.handler()
}

func signInView(_ *http.Request, s sheet) pages.Page {
	page := pages.SignIn{
		Form:        s.form,
		Client:      view.Client(s.interaction.GetClient(), nil),
		RedirectURI: s.interaction.GetRedirectUri(),
		Username:    s.interaction.GetLoginHint(),
		Err:         s.complaint,
	}
	if s.posted != nil {
		page.Username = s.posted.Get("username")
	}
	return page
}

func (i *Interaction) actOnSignIn(w http.ResponseWriter, r *http.Request, v visit) error {
	switch v.posted.Get("action") {
	case "sign-in":
		return i.attempt(w, r, v)
	case "cancel":
		resp, err := i.Authorize.CancelAuthorization(r.Context(), &authorizev1.CancelAuthorizationRequest{
			Transaction: v.transaction, Browser: v.browser,
		})
		return i.next(w, r, v.transaction, resp, overOr(err))
	default:
		return oauth.Refuse(oauth.InvalidRequest, "action must be sign-in or cancel")
	}
}

func (i *Interaction) attempt(w http.ResponseWriter, r *http.Request, v visit) error {
	if complaints := unusable(v.posted); len(complaints) > 0 {
		return v.dialog.again(w, r, http.StatusBadRequest, v, complaints...)
	}
	resp, err := i.Authorize.SignIn(r.Context(), &authorizev1.SignInRequest{
		Transaction: v.transaction, Browser: v.browser, Username: v.posted.Get("username"), Password: v.posted.Get("password"),
	})
	if err != nil {
		return overOr(err)
	}
	refused, err := browser.Admit(w, r, resp)
	if refused != nil {
		return v.dialog.again(w, r, refused.Status, v, refused.Complaint)
	}
	return i.next(w, r, v.transaction, resp, err)
}

// unusable says what is wrong with credentials before they are looked up.
func unusable(posted form.Values) []pages.FieldError {
	var complaints []pages.FieldError
	username, password := posted.Get("username"), posted.Get("password")
	if len(username) > maxUsernameBytes || len(password) > browser.MaxPassword {
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

// direct is the sign-in page for the provider's own pages: there is no client, and
// nothing pending. What leads on is one of these pages, or nothing.
type direct struct{ *Interaction }

func (d *direct) get(w http.ResponseWriter, r *http.Request, next string) error {
	if !link.IsNext(next) {
		return d.Home(w, r)
	}
	who, err := d.SignedIn(r)
	if err != nil {
		return err
	}
	if who != nil && !desk.TooOld(who.GetSession(), desk.ShowAge, next) {
		return answer.SeeOther(w, next)
	}
	binding := browser.Cookie(r, browser.SignIn)
	if binding == "" {
		binding = browser.SetForm(w, browser.SignIn)
	}
	return d.render(w, http.StatusOK, binding, pages.SignIn{Next: next, Username: who.GetAccount().GetUsername()})
}

func (d *direct) render(w http.ResponseWriter, status int, binding string, page pages.SignIn) error {
	page.Form = browser.Form(link.SignIn, binding, "")
	page.SessionMark = "" // It shows no account.
	return d.Render(w, status, page)
}

func (d *direct) post(w http.ResponseWriter, r *http.Request, posted form.Values) error {
	binding := browser.Cookie(r, browser.SignIn)
	switch {
	case !link.IsNext(posted.Get("next")):
		return d.Home(w, r)
	case binding == "":
		return answer.Refuse(pages.ReasonExpired, oauth.AccessDenied, "the page is over, or belongs to another browser")
	case !browser.IsBound(posted, binding):
		return answer.ErrForeign
	case posted.Get("action") == "cancel":
		browser.Drop(w, browser.SignIn)
		return answer.SeeOther(w, link.Home+"?done=cancelled")
	case posted.Get("action") == "sign-in":
		return d.attempt(w, r, binding, posted)
	default:
		return oauth.Refuse(oauth.InvalidRequest, "action must be sign-in or cancel")
	}
}

func (d *direct) attempt(w http.ResponseWriter, r *http.Request, binding string, posted form.Values) error {
	again := func(status int, complaints ...pages.FieldError) error {
		return d.render(w, status, binding, pages.SignIn{
			Next: posted.Get("next"), Username: posted.Get("username"), Err: desk.Again(complaints...),
		})
	}
	if complaints := unusable(posted); len(complaints) > 0 {
		return again(http.StatusBadRequest, complaints...)
	}
	resp, err := d.Authorize.OpenSession(r.Context(), &authorizev1.OpenSessionRequest{
		Browser: browser.Of(r), Username: posted.Get("username"), Password: posted.Get("password"),
	})
	if err != nil {
		return err
	}
	refused, err := browser.Admit(w, r, resp)
	switch {
	case err != nil:
		return err
	case refused != nil:
		return again(refused.Status, refused.Complaint)
	}
	browser.Drop(w, browser.SignIn)
	return answer.SeeOther(w, posted.Get("next"))
}
