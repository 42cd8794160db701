// Package desk has what the provider's own pages share, on which people act who are
// signed in: who that is, which forms are theirs, and what stands around a page.
//
// Nothing but the session says who a visitor is. The one thing to get right is that
// a form acts for the account that it was shown to, or not at all.
package desk

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/browser"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/internal/link"
	"github.com/chancery-auth/chancery/gateway/internal/view"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// How long ago a person may have signed in to get to a page that needs a sign-in
// of late, and to send its form: there is time to fill it in.
const (
	ShowAge = 15 * time.Minute
	postAge = time.Hour
)

// errSpent is about a form that counts once, and was taken before.
var errSpent = answer.Refuse(pages.ReasonExpired, oauth.InvalidRequest, "the form was answered already")

// Desks serves desks.
type Desks struct {
	*answer.Answers
	Authorize authorizev1.AuthorizeServiceClient
}

// Desk is a page for the person who is signed in: GET shows it, POST acts on it.
type Desk struct {
	// Lists are the parameters of the form that may come more than once.
	Lists []string
	// Once has each form count once, for one whose answer must not come twice: a
	// reload sends it again.
	Once bool
	// Read reads the form. Nil: as one that is encoded in the usual way.
	Read func(*http.Request) (posted form.Values, file []byte, err error)
	// Show shows the page, for the first time or again.
	Show Handler
	// Act does what the posted form asks for. Where it fails with [answer.Wrong], the
	// page is shown again. Nil: the page has no form.
	Act Handler
}

// Handler answers a visitor, or returns why it does not.
type Handler func(http.ResponseWriter, *http.Request, *Visitor) error

// Visitor is who is signed in where a request comes from.
type Visitor struct {
	Sub string
	// Query is that of a GET, Posted the form of a POST, with a file where the form has
	// one.
	Query  form.Values
	Posted form.Values
	File   []byte
	// Status is that of the page: another than 200 where it is shown again, and then
	// Wrong is what was wrong with the form.
	Status int
	Wrong  *pages.FormError

	account *authorizev1.Account
	session string
	// binding is what forms are bound to: the session, and what makes them count once.
	binding string
}

// Serve returns the handler of a desk. A visitor who is not signed in, or not of late
// where that is needed, is led to the sign-in page.
func (d *Desks) Serve(desk Desk) http.Handler {
	return d.Page(func(w http.ResponseWriter, r *http.Request) error {
		who, err := d.SignedIn(r)
		if err != nil {
			return err
		}
		limit, answers := ShowAge, desk.get
		if r.Method != http.MethodGet {
			limit, answers = postAge, desk.post
		}
		if who == nil || TooOld(who.GetSession(), limit, r.URL.Path) {
			return answer.SeeOther(w, link.SignInFor(pageOf(r)))
		}
		session := browser.Cookie(r, browser.Session)
		return answers(w, r, &Visitor{Sub: who.GetAccount().GetSub(), Status: http.StatusOK, account: who.GetAccount(), session: session, binding: session})
	})
}

// SignedIn returns who is signed in in the browser that r comes from, nil if it has no
// session.
func (d *Desks) SignedIn(r *http.Request) (*authorizev1.GetSessionResponse, error) {
	b := browser.Of(r)
	if b.GetSession() == "" {
		return nil, nil
	}
	resp, err := d.Authorize.GetSession(r.Context(), &authorizev1.GetSessionRequest{Browser: b})
	if answer.FaultOf(err).Kind == fault.NotFound {
		return nil, nil
	}
	return resp, err
}

// TooOld reports whether the page next needs a sign-in after that of session.
func TooOld(session *authorizev1.Session, limit time.Duration, next string) bool {
	return link.NeedsRecentSignIn(next) && session.GetAge().AsDuration() > limit
}

// pageOf is the page to come back to after a sign-in.
func pageOf(r *http.Request) string {
	path := r.URL.Path
	switch whole := path + "?" + r.URL.RawQuery; {
	case link.IsNext(whole):
		return whole
	case link.IsNext(path):
		return path
	case strings.HasPrefix(path, link.AccountApps):
		return link.AccountApps
	default:
		return link.Developer
	}
}

func (d Desk) get(w http.ResponseWriter, r *http.Request, v *Visitor) (err error) {
	if v.Query, err = form.Query(r); err != nil {
		return err
	}
	if err := v.Query.Once(); err != nil {
		return err
	}
	if d.Once {
		value := browser.Cookie(r, browser.Once)
		if value == "" {
			value = browser.SetForm(w, browser.Once)
		}
		v.bindOnce(value)
	}
	return d.Show(w, r, v)
}

func (d Desk) post(w http.ResponseWriter, r *http.Request, v *Visitor) (err error) {
	if r.URL.RawQuery != "" {
		return oauth.Refuse(oauth.InvalidRequest, "parameters must be in the body")
	}
	if d.Read != nil {
		v.Posted, v.File, err = d.Read(r)
	} else {
		v.Posted, err = form.Body(r, limits())
	}
	if err != nil {
		return err
	}
	if err := v.Posted.Once(d.Lists...); err != nil {
		return err
	}
	once := browser.Cookie(r, browser.Once)
	if d.Once {
		v.bindOnce(once)
	}
	if err := v.checkForm(d.Once); err != nil {
		return err
	}
	if d.Once && once == "" {
		return errSpent
	}
	err = d.Act(w, r, v)
	var wrong *answer.Wrong
	if errors.As(err, &wrong) {
		v.Status, v.Wrong = wrong.Status, wrong.Form
		return d.Show(w, r, v)
	}
	return err
}

// limits has room for every redirect URI of a client.
func limits() form.Limits {
	l := form.Page()
	l.Long = map[string]int{"redirect_uris": 56 << 10, "description": 8 << 10}
	return l
}

// checkForm checks that the form was made for v. One that was shown to another account
// fails with that, and one that counts once may have been taken before.
func (v *Visitor) checkForm(once bool) error {
	good, ours := browser.IsBound(v.Posted, v.binding), browser.IsOf(v.Posted, v.session)
	switch {
	case good && ours:
		return nil
	case v.Posted.Get("form_token") == "" || v.Posted.Get("session_mark") == "" || ours && !once:
		return answer.ErrForeign
	case ours:
		return errSpent
	default:
		return answer.ErrSession
	}
}

// bindOnce binds forms to the session, and to a cookie that has another value as soon
// as one of them has been taken.
func (v *Visitor) bindOnce(value string) { v.binding = v.session + " " + value }

// Take makes the form of v count no more. What is shown next has forms that do.
func (v *Visitor) Take(w http.ResponseWriter) { v.bindOnce(browser.SetForm(w, browser.Once)) }

// Form returns what a form carries that is posted to action.
func (v *Visitor) Form(action string) pages.Form {
	return browser.Form(action, v.binding, v.session)
}

// Frame returns what stands around a page for v. Outcomes are those that the page can
// say of what has been done; the query says which it is.
func (v *Visitor) Frame(outcomes ...pages.Outcome) pages.Frame {
	frame := pages.Frame{
		Account:    view.Account(v.account),
		SignOut:    browser.Form(link.SignOut, v.session, v.session),
		AccountURL: link.AccountApps, DeveloperURL: link.Developer, DirectoryURL: link.Directory,
	}
	if done := pages.Outcome(v.Query.Get("done")); slices.Contains(outcomes, done) {
		frame.Done = &pages.Done{Outcome: done}
	}
	return frame
}

// PublicFrame returns what stands around a page that needs no session, which goes on
// without one when it cannot be read.
func (d *Desks) PublicFrame(r *http.Request) pages.Frame {
	who, err := d.SignedIn(r)
	v := &Visitor{}
	if err != nil || who == nil {
		frame := v.Frame()
		frame.SignInURL = link.SignInFor(link.AccountApps)
		return frame
	}
	v.account, v.session = who.GetAccount(), browser.Cookie(r, browser.Session)
	return v.Frame()
}

// SignOut ends the session of a visitor who sends its own form.
func (d *Desks) SignOut(w http.ResponseWriter, r *http.Request) error {
	who, err := d.SignedIn(r)
	if err != nil {
		return err
	}
	if who != nil {
		session := browser.Cookie(r, browser.Session)
		v := &Visitor{session: session, binding: session}
		if v.Posted, err = form.Body(r, form.Page()); err != nil {
			return err
		}
		if err := v.checkForm(false); err != nil {
			return err
		}
		if _, err := d.Authorize.EndSession(r.Context(), &authorizev1.EndSessionRequest{SessionId: who.GetSession().GetSessionId()}); err != nil {
			return err
		}
	}
	browser.Drop(w, browser.Session)
	return answer.SeeOther(w, link.Home+"?done=signed-out")
}

// Done leads to the page at path, which says what has been done.
func Done(w http.ResponseWriter, path string, outcome pages.Outcome) error {
	return answer.SeeOther(w, path+"?done="+string(outcome))
}
