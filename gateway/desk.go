package gateway

import (
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// How long ago a person may have signed in to get to a page that needs a sign-in
// of late, and to send its form: there is time to fill it in.
const (
	showAge = 15 * time.Minute
	postAge = time.Hour
)

// desk is a page of the provider's own for whoever is signed in: GET shows it,
// POST acts on it. Nothing but the session says who that is; a token in the
// request is none of its business.
type desk struct {
	*gateway
	// lists are the parameters of the form that may come more than once.
	lists []string
	// once has each form count once, for one whose answer must not come twice: a
	// reload sends it again.
	once bool
	// read reads the form. Nil: as one that is encoded in the usual way.
	read func(*http.Request) (posted form.Values, file []byte, err error)
	show func(http.ResponseWriter, *http.Request, visitor)
	// act does what the posted form asks for. Nil: the page has no form.
	act func(http.ResponseWriter, *http.Request, visitor)
}

// visitor is who is signed in where a request comes from.
type visitor struct {
	sub     string
	account *authorizev1.Account
	// binding is what forms are bound to: the session, and what makes them count
	// once.
	binding string
	session string
	// query is that of a GET, posted the form of a POST, with a file where the
	// form has one.
	query  form.Values
	posted form.Values
	file   []byte
}

// ServeHTTP implements http.Handler.
func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v, ok := d.visitor(w, r)
	switch {
	case !ok:
	case r.Method == http.MethodGet:
		d.get(w, r, v)
	default:
		d.post(w, r, v)
	}
}

// visitor finds out who is signed in. When nobody is, or not of late where that
// is needed, it has led to the sign-in page.
func (d *desk) visitor(w http.ResponseWriter, r *http.Request) (visitor, bool) {
	who, err := d.signedIn(r)
	limit := showAge
	if r.Method != http.MethodGet {
		limit = postAge
	}
	switch {
	case err != nil:
		d.pageFailure(w, r, err)
		return visitor{}, false
	case who == nil, tooOld(who.GetSession(), limit, r.URL.Path):
		seeOther(w, signInFor(pageOf(r)))
		return visitor{}, false
	}
	session := cookieOf(r, sessionCookie)
	return visitor{sub: who.GetAccount().GetSub(), account: who.GetAccount(), session: session, binding: session}, true
}

// signedIn returns who is signed in in the browser that r comes from, nil for
// nobody.
func (g *gateway) signedIn(r *http.Request) (*authorizev1.GetSessionResponse, error) {
	browser := browserOf(r)
	if browser.GetSession() == "" {
		return nil, nil
	}
	resp, err := g.Authorize.GetSession(r.Context(), &authorizev1.GetSessionRequest{Browser: browser})
	if faultOf(err).Kind == fault.NotFound {
		return nil, nil
	}
	return resp, err
}

// tooOld reports whether the page next needs a sign-in after that of session.
func tooOld(session *authorizev1.Session, limit time.Duration, next string) bool {
	return needsRecentSignIn(next) && session.GetAge().AsDuration() > limit
}

// pageOf is the page to come back to after a sign-in.
func pageOf(r *http.Request) string {
	if whole := r.URL.Path + "?" + r.URL.RawQuery; nextPath(whole) {
		return whole
	}
	switch {
	case nextPath(r.URL.Path):
		return r.URL.Path
	case strings.HasPrefix(r.URL.Path, accountAppsPath):
		return accountAppsPath
	default:
		return developerPath
	}
}

func (d *desk) get(w http.ResponseWriter, r *http.Request, v visitor) {
	query, err := form.Parse(r.URL.RawQuery, oauthForm())
	if err == nil && len(query.Repeated(form.Never)) > 0 {
		err = oauth.Refuse(oauth.InvalidRequest, "a parameter comes more than once")
	}
	if err != nil {
		d.pageFailure(w, r, err)
		return
	}
	v.query = query
	if d.once {
		value := cookieOf(r, onceCookie)
		if value == "" {
			value = setFormCookie(w, onceCookie)
		}
		v.binding = onceBinding(v.session, value)
	}
	d.show(w, r, v)
}

// onceBinding is what a form is bound to that counts once: the session, and a
// cookie that has another value as soon as the form has been taken.
func onceBinding(session, value string) string { return session + " " + value }

func (d *desk) post(w http.ResponseWriter, r *http.Request, v visitor) {
	if r.URL.RawQuery != "" {
		d.pageFailure(w, r, oauth.Refuse(oauth.InvalidRequest, "parameters must be in the body"))
		return
	}
	posted, file, err := d.form(r)
	if err == nil && len(posted.Repeated(func(name string) bool { return slices.Contains(d.lists, name) })) > 0 {
		err = oauth.Refuse(oauth.InvalidRequest, "a parameter comes more than once")
	}
	if err != nil {
		d.pageFailure(w, r, err)
		return
	}
	v.posted, v.file = posted, file
	once := cookieOf(r, onceCookie)
	if d.once {
		v.binding = onceBinding(v.session, once)
	}
	switch {
	case !d.ownForm(w, r, v, d.once):
	case d.once && once == "":
		d.spent(w, r)
	default:
		d.act(w, r, v)
	}
}

func (d *desk) form(r *http.Request) (form.Values, []byte, error) {
	if d.read != nil {
		return d.read(r)
	}
	posted, err := postedForm(r, deskForm())
	return posted, nil, err
}

// deskForm has room for every redirect URI of a client.
func deskForm() form.Limits {
	limits := pageForm()
	limits.Long = map[string]int{"redirect_uris": 56 << 10, "description": 8 << 10}
	return limits
}

// ownForm checks that the form was made for v. When it was not, ownForm has
// answered: a form that was shown to another account says so, and one that counts
// once may have been taken before.
func (g *gateway) ownForm(w http.ResponseWriter, r *http.Request, v visitor, once bool) bool {
	token, mark := v.posted.Get("form_token"), v.posted.Get("session_mark")
	good := subtle.ConstantTimeCompare([]byte(token), []byte(formToken(v.binding))) == 1
	ours := subtle.ConstantTimeCompare([]byte(mark), []byte(sessionMark(v.session))) == 1
	switch {
	case good && ours:
		return true
	case token == "" || mark == "" || ours && !once:
		g.foreignForm(w, r)
	case ours:
		g.spent(w, r)
	default:
		g.refusalPage(w, r, &oauth.Error{Code: oauth.InvalidRequest, Description: "another account was signed in after this page was shown"}, pages.ReasonSession)
	}
	return false
}

// spent says that the form was taken before.
func (g *gateway) spent(w http.ResponseWriter, r *http.Request) {
	g.refusalPage(w, r, &oauth.Error{Code: oauth.InvalidRequest, Description: "the form was answered already"}, pages.ReasonExpired)
}

// take makes the form of v count no more. What is shown next has forms that do.
func (v *visitor) take(w http.ResponseWriter) {
	v.binding = onceBinding(v.session, setFormCookie(w, onceCookie))
}

// form is what a form carries that is posted to action.
func (v visitor) form(action string) pages.Form {
	return pages.Form{Action: action, Token: formToken(v.binding), SessionMark: sessionMark(v.session)}
}

// frame is what stands around a page for v. done is what the query says has been
// done, of what the page can say that of.
func (v visitor) frame(outcomes ...pages.Outcome) pages.Frame {
	frame := pages.Frame{
		Account:    personView(v.account),
		SignOut:    pages.Form{Action: signOutPath, Token: formToken(v.session), SessionMark: sessionMark(v.session)},
		AccountURL: accountAppsPath, DeveloperURL: developerPath, DirectoryURL: directoryPath,
	}
	if done := pages.Outcome(v.query.Get("done")); slices.Contains(outcomes, done) {
		frame.Done = &pages.Done{Outcome: done}
	}
	return frame
}

// doneAt is the address of a page that says what has been done.
func doneAt(path string, outcome pages.Outcome) string { return path + "?done=" + string(outcome) }

// signOut ends the session.
func (g *gateway) signOut(w http.ResponseWriter, r *http.Request) {
	who, err := g.signedIn(r)
	if err != nil {
		g.pageFailure(w, r, err)
		return
	}
	if who != nil && !g.endSession(w, r, who.GetSession().GetSessionId()) {
		return
	}
	dropCookie(w, sessionCookie)
	seeOther(w, homePath+"?done=signed-out")
}

// endSession ends a session for whoever sends its own form. Otherwise it has
// answered.
func (g *gateway) endSession(w http.ResponseWriter, r *http.Request, id string) bool {
	posted, err := postedForm(r, pageForm())
	if err != nil {
		g.pageFailure(w, r, err)
		return false
	}
	session := cookieOf(r, sessionCookie)
	if !g.ownForm(w, r, visitor{session: session, binding: session, posted: posted}, false) {
		return false
	}
	if _, err := g.Authorize.EndSession(r.Context(), &authorizev1.EndSessionRequest{SessionId: id}); err != nil {
		g.pageFailure(w, r, err)
		return false
	}
	return true
}
