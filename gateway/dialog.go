package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// dialog is a page with a form: GET shows it, POST acts on it. Every dialog
// belongs to a transaction of the authorize service and to the browser that
// started it.
type dialog struct {
	*gateway
	page authorizev1.Interaction_Page
	// lists are the parameters of the form that may come more than once.
	lists []string
	// view is the page, shown for the first time or after a mistake.
	view func(*http.Request, sheet) pages.Page
	// act does what the posted form asks for.
	act func(http.ResponseWriter, *http.Request, visit)
	// direct is for who comes without a transaction; nil: there is nothing to do.
	direct *directSignIn
}

// sheet is what a dialog shows.
type sheet struct {
	form        pages.Form
	interaction *authorizev1.GetInteractionResponse
	// posted is what the form held, and complaint what was wrong with it; both
	// are nil on the first view.
	posted    form.Values
	complaint *pages.FormError
}

// visit is one request to a dialog, from the browser that the transaction is
// bound to.
type visit struct {
	dialog      *dialog
	transaction string
	binding     string
	browser     *authorizev1.Browser
	posted      form.Values
}

// visitOf is what r says of itself. Of the bindings only that of the transaction
// goes to the service, which looks at a few and no more: tabs that open all at
// once may have left the browser with many.
func (d *dialog) visitOf(r *http.Request, tx string, posted form.Values) visit {
	v := visit{dialog: d, transaction: tx, binding: bindingOf(r, tx), browser: browserOf(r), posted: posted}
	v.browser.Bindings = []string{v.binding}
	return v
}

// dialogs is every dialog by its path.
func (g *gateway) dialogs() map[string]*dialog {
	all := make(map[string]*dialog)
	for _, d := range []*dialog{g.signIn(), g.account(), g.consent()} {
		d.gateway = g
		path, _ := pagePath(d.page)
		all[path] = d
	}
	return all
}

// crossOriginProtection refuses forms that another site's page sent.
func (g *gateway) crossOriginProtection() (*http.CrossOriginProtection, error) {
	guard := http.NewCrossOriginProtection()
	// Behind a proxy the Host header may not be the issuer's.
	if err := guard.AddTrustedOrigin(g.origin); err != nil {
		return nil, fmt.Errorf("trust own origin: %w", err)
	}
	guard.SetDenyHandler(http.HandlerFunc(g.foreignForm))
	return guard, nil
}

func (g *gateway) foreignForm(w http.ResponseWriter, r *http.Request) {
	g.refusalPage(w, r, &oauth.Error{Code: oauth.AccessDenied, Description: "the form was not sent from its own page"}, pages.ReasonForeign)
}

// ServeHTTP implements http.Handler.
func (d *dialog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		d.get(w, r)
		return
	}
	d.post(w, r)
}

func (d *dialog) get(w http.ResponseWriter, r *http.Request) {
	query, err := form.Parse(r.URL.RawQuery, oauthForm())
	if err != nil {
		d.pageFailure(w, r, err)
		return
	}
	if slices.ContainsFunc(query, func(p form.Parameter) bool { return p.Name == "password" || p.Name == "username" }) {
		// A form that puts credentials in an address is none of ours.
		w.Header().Set("Allow", http.MethodPost)
		d.renderError(w, r, http.StatusMethodNotAllowed, pages.Error{Code: string(oauth.InvalidRequest)})
		return
	}
	// Nothing but an opaque handle leads anywhere from here.
	tx := query.All("tx")
	if next := query.All("next"); d.direct != nil && len(tx) == 0 && len(next) == 1 {
		d.direct.get(w, r, next[0])
		return
	}
	if len(tx) != 1 || !validTransaction(tx[0]) {
		d.home(w, r)
		return
	}
	v := d.visitOf(r, tx[0], nil)
	if v.binding == "" {
		d.over(w, r)
		return
	}
	d.show(w, r, v)
}

// show shows the dialog, or leads to the one that the transaction is at.
func (d *dialog) show(w http.ResponseWriter, r *http.Request, v visit) {
	interaction, ok := d.interaction(w, r, v)
	switch {
	case !ok:
	case interaction.GetPage() != d.page:
		path, known := pagePath(interaction.GetPage())
		if !known {
			d.over(w, r)
			return
		}
		seeOther(w, path+"?tx="+v.transaction)
	default:
		d.render(w, r, http.StatusOK, d.view(r, sheet{form: v.form(), interaction: interaction}))
	}
}

// again shows the dialog once more, with what was wrong.
func (d *dialog) again(w http.ResponseWriter, r *http.Request, status int, v visit, complaints ...pages.FieldError) {
	interaction, ok := d.interaction(w, r, v)
	switch {
	case !ok:
	case interaction.GetPage() != d.page:
		d.over(w, r)
	default:
		d.render(w, r, status, d.view(r, sheet{v.form(), interaction, v.posted, &pages.FormError{Errors: complaints}}))
	}
}

// interaction asks what to show. When that fails it has answered.
func (d *dialog) interaction(w http.ResponseWriter, r *http.Request, v visit) (*authorizev1.GetInteractionResponse, bool) {
	resp, err := d.Authorize.GetInteraction(r.Context(), &authorizev1.GetInteractionRequest{
		Transaction: v.transaction, Browser: v.browser,
	})
	if err != nil {
		d.dialogFailure(w, r, err)
		return nil, false
	}
	return resp, true
}

func (d *dialog) post(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "" {
		d.pageFailure(w, r, oauth.Refuse(oauth.InvalidRequest, "parameters must be in the body"))
		return
	}
	values, err := postedForm(r, pageForm())
	if err != nil {
		d.pageFailure(w, r, err)
		return
	}
	if len(values.Repeated(func(name string) bool { return slices.Contains(d.lists, name) })) > 0 {
		d.pageFailure(w, r, oauth.Refuse(oauth.InvalidRequest, "a parameter comes more than once"))
		return
	}
	tx := values.Get("tx")
	if d.direct != nil && tx == "" && values.Get("next") != "" {
		d.direct.post(w, r, values)
		return
	}
	v := d.visitOf(r, tx, values)
	if validTransaction(tx) && v.binding == "" {
		// The cookie goes when the transaction is over.
		d.refusalPage(w, r, &oauth.Error{Code: oauth.AccessDenied, Description: "the transaction is over, or belongs to another browser"}, pages.ReasonExpired)
		return
	}
	if !validTransaction(tx) || subtle.ConstantTimeCompare([]byte(values.Get("form_token")), []byte(formToken(v.binding))) != 1 {
		d.foreignForm(w, r)
		return
	}
	if shown := values.Get("session_mark"); shown != "" && shown != sessionMark(v.browser.GetSession()) {
		d.refusalPage(w, r, &oauth.Error{Code: oauth.InvalidRequest, Description: "another account was signed in after this page was shown"}, pages.ReasonSession)
		return
	}
	d.act(w, r, v)
}

// over says that the transaction is not open, or not in this browser.
func (d *dialog) over(w http.ResponseWriter, r *http.Request) {
	d.refusalPage(w, r, &oauth.Error{Code: oauth.InvalidRequest, Description: "the transaction is over, or belongs to another browser"}, pages.ReasonExpired)
}

// dialogFailure is pageFailure for a call about a transaction.
func (d *dialog) dialogFailure(w http.ResponseWriter, r *http.Request, err error) {
	if refusalOf(err).Code == oauth.InvalidRequest {
		d.over(w, r)
		return
	}
	d.pageFailure(w, r, err)
}

// form is what the dialog's form carries.
func (v visit) form() pages.Form {
	path, _ := pagePath(v.dialog.page)
	form := pages.Form{Action: path, Transaction: v.transaction, Token: formToken(v.binding)}
	if v.dialog.page != authorizev1.Interaction_PAGE_SIGN_IN {
		form.SessionMark = sessionMark(v.browser.GetSession())
	}
	return form
}

// sessionMark names a session in the pages that show its account, so that
// whoever has signed in since is told so, and not shown the page as their own.
// That nobody's consent counts as another's is the authorize service's to see to.
func sessionMark(session string) string {
	sum := sha256.Sum256([]byte("chancery session mark" + session))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// formToken ties a form to the binding cookie, which another site can neither
// read nor set. The cookie's value has 256 random bits, so a hash is enough.
func formToken(binding string) string {
	sum := sha256.Sum256([]byte("chancery form token" + binding))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// validTransaction accepts the handles of transactions, and nothing that a
// browser could read as a part of an address.
func validTransaction(tx string) bool {
	return 0 < len(tx) && len(tx) <= 128 && isWord(tx, "-_")
}

// isWord reports whether s is made of ASCII letters, digits and marks only.
func isWord(s, marks string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		digit := '0' <= c && c <= '9'
		return !letter && !digit && !strings.ContainsRune(marks, c)
	})
}

// home is the page for who comes without a transaction, or is done with one of
// the pages that need a session.
func (g *gateway) home(w http.ResponseWriter, r *http.Request) {
	notice := pages.NoticeService
	if r.URL.Path == homePath {
		switch r.URL.RawQuery {
		case "done=signed-out":
			notice = pages.NoticeSignedOut
		case "done=cancelled":
			notice = pages.NoticeCancelled
		}
	}
	g.render(w, r, http.StatusOK, pages.Message{Notice: notice})
}
