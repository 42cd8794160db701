package interaction

import (
	"errors"
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
	d := &dialog{Interaction: i, page: authorizev1.Interaction_PAGE_SIGN_IN, view: signInView, act: i.actOnSignIn}
	return d.handler()
}

func signInView(_ *http.Request, v visit, asked *authorizev1.GetInteractionResponse, wrong *pages.FormError) pages.Page {
	page := pages.SignIn{
		Form:        v.form(),
		Client:      view.Client(asked.GetClient(), nil),
		RedirectURI: asked.GetRedirectUri(),
		Username:    asked.GetLoginHint(),
		Err:         wrong,
	}
	if v.posted != nil {
		page.Username = v.posted.Get("username")
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
	if complaints := unusable(v.posted); complaints != nil {
		return answer.Complain(http.StatusBadRequest, complaints...)
	}
	resp, err := i.Authorize.SignIn(r.Context(), &authorizev1.SignInRequest{
		Transaction: v.transaction, Browser: v.browser, Username: v.posted.Get("username"), Password: v.posted.Get("password"),
	})
	if err != nil {
		return overOr(err)
	}
	return i.next(w, r, v.transaction, resp, browser.Admit(w, r, resp, pages.SignInRefused))
}

// unusable says what is wrong with credentials before they are looked up.
func unusable(posted form.Values) (complaints []pages.FieldError) {
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

// getDirect shows the sign-in page for the provider's own pages: there is no client,
// and nothing pending. What leads on is one of these pages, or nothing.
func (i *Interaction) getDirect(w http.ResponseWriter, r *http.Request, next string) error {
	if !link.IsNext(next) {
		return i.Home(w, r)
	}
	who, err := i.SignedIn(r)
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
	return i.renderDirect(w, http.StatusOK, binding, pages.SignIn{Next: next, Username: who.GetAccount().GetUsername()})
}

func (i *Interaction) renderDirect(w http.ResponseWriter, status int, binding string, page pages.SignIn) error {
	page.Form = browser.Form(link.SignIn, binding, "")
	page.SessionMark = "" // It shows no account.
	return i.Render(w, status, page)
}

func (i *Interaction) postDirect(w http.ResponseWriter, r *http.Request, posted form.Values) error {
	binding := browser.Cookie(r, browser.SignIn)
	switch {
	case !link.IsNext(posted.Get("next")):
		return i.Home(w, r)
	case binding == "":
		return answer.Refuse(pages.ReasonExpired, oauth.AccessDenied, "the page is over, or belongs to another browser")
	case !browser.IsBound(posted, binding):
		return answer.ErrForeign
	case posted.Get("action") == "cancel":
		browser.Drop(w, browser.SignIn)
		return answer.SeeOther(w, link.Home+"?done=cancelled")
	case posted.Get("action") == "sign-in":
		err := i.attemptDirect(w, r, posted)
		var wrong *answer.Wrong
		if errors.As(err, &wrong) {
			return i.renderDirect(w, wrong.Status, binding, pages.SignIn{Next: posted.Get("next"), Username: posted.Get("username"), Err: wrong.Form})
		}
		return err
	default:
		return oauth.Refuse(oauth.InvalidRequest, "action must be sign-in or cancel")
	}
}

func (i *Interaction) attemptDirect(w http.ResponseWriter, r *http.Request, posted form.Values) error {
	if complaints := unusable(posted); complaints != nil {
		return answer.Complain(http.StatusBadRequest, complaints...)
	}
	resp, err := i.Authorize.OpenSession(r.Context(), &authorizev1.OpenSessionRequest{
		Browser: browser.Of(r), Username: posted.Get("username"), Password: posted.Get("password"),
	})
	if err != nil {
		return err
	}
	if err := browser.Admit(w, r, resp, pages.SignInRefused); err != nil {
		return err
	}
	browser.Drop(w, browser.SignIn)
	return answer.SeeOther(w, posted.Get("next"))
}
