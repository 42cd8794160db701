package interaction

import (
	"errors"
	"net/http"
	"slices"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/browser"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// over is the description of a transaction that is not open, or not in this browser.
const over = "the transaction is over, or belongs to another browser"

// errOver is about such a transaction, errLate about a form of one.
var (
	errOver = answer.Refuse(pages.ReasonExpired, oauth.InvalidRequest, over)
	errLate = answer.Refuse(pages.ReasonExpired, oauth.AccessDenied, over)
)

// dialog is a page with a form: GET shows it, POST acts on it. Every dialog
// belongs to a transaction of the authorize service and to the browser that
// started it.
type dialog struct {
	*Interaction
	page authorizev1.Interaction_Page
	// lists are the parameters of the form that may come more than once.
	lists []string
	// view is the page about what is asked, shown for the first time or, with what was
	// wrong, after a mistake.
	view func(r *http.Request, v visit, asked *authorizev1.GetInteractionResponse, wrong *pages.FormError) pages.Page
	// act does what the posted form asks for. Where it fails with [answer.Wrong], the
	// dialog is shown again.
	act func(http.ResponseWriter, *http.Request, visit) error
}

// visit is one request to a dialog, from the browser that the transaction is
// bound to.
type visit struct {
	dialog      *dialog
	transaction string
	binding     string
	browser     *authorizev1.Browser
	// posted is what the form held, nil on the first view.
	posted form.Values
}

// visitOf is what r says of itself. Of the bindings only that of the transaction
// goes to the service, which looks at a few and no more: tabs that open all at
// once may have left the browser with many.
func (d *dialog) visitOf(r *http.Request, tx string, posted form.Values) visit {
	v := visit{dialog: d, transaction: tx, binding: browser.Binding(r, tx), browser: browser.Of(r), posted: posted}
	v.browser.Bindings = []string{v.binding}
	return v
}

// asksForPassword reports whether this is the one that also serves a person who comes
// without a transaction.
func (d *dialog) asksForPassword() bool { return d.page == authorizev1.Interaction_PAGE_SIGN_IN }

func (d *dialog) handler() http.Handler {
	return d.Page(func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodGet {
			return d.get(w, r)
		}
		return d.post(w, r)
	})
}

func (d *dialog) get(w http.ResponseWriter, r *http.Request) error {
	query, err := form.Query(r)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(query, func(p form.Parameter) bool { return p.Name == "password" || p.Name == "username" }) {
		// No form of ours puts credentials in an address.
		w.Header().Set("Allow", http.MethodPost)
		return d.RenderError(w, r, http.StatusMethodNotAllowed, pages.Error{Code: string(oauth.InvalidRequest)})
	}
	// Nothing but an opaque handle leads anywhere from here.
	tx := query.All("tx")
	if next := query.All("next"); d.asksForPassword() && len(tx) == 0 && len(next) == 1 {
		return d.getDirect(w, r, next[0])
	}
	if len(tx) != 1 || !validTransaction(tx[0]) {
		return d.Home(w, r)
	}
	v := d.visitOf(r, tx[0], nil)
	if v.binding == "" {
		return errOver
	}
	return d.show(w, r, v, &answer.Wrong{Status: http.StatusOK})
}

// show shows the dialog for the first time or again, or leads to the one that the
// transaction is at.
func (d *dialog) show(w http.ResponseWriter, r *http.Request, v visit, wrong *answer.Wrong) error {
	asked, err := d.Authorize.GetInteraction(r.Context(), &authorizev1.GetInteractionRequest{
		Transaction: v.transaction, Browser: v.browser,
	})
	if err != nil {
		return overOr(err)
	}
	if asked.GetPage() == d.page {
		return d.Render(w, wrong.Status, d.view(r, v, asked, wrong.Form))
	}
	path := pathOf(asked.GetPage())
	if path == "" || v.posted != nil {
		return errOver
	}
	return answer.SeeOther(w, path+"?tx="+v.transaction)
}

func (d *dialog) post(w http.ResponseWriter, r *http.Request) error {
	if r.URL.RawQuery != "" {
		return oauth.Refuse(oauth.InvalidRequest, "parameters must be in the body")
	}
	values, err := form.Body(r, form.Page())
	if err != nil {
		return err
	}
	if err := values.Once(d.lists...); err != nil {
		return err
	}
	tx := values.Get("tx")
	if d.asksForPassword() && tx == "" && values.Get("next") != "" {
		return d.postDirect(w, r, values)
	}
	v := d.visitOf(r, tx, values)
	switch {
	case !validTransaction(tx):
		return answer.ErrForeign
	case v.binding == "":
		return errLate // The cookie goes when the transaction is over.
	case !browser.IsBound(values, v.binding):
		return answer.ErrForeign
	case values.Get("session_mark") != "" && !browser.IsOf(values, v.browser.GetSession()):
		return answer.ErrSession
	}
	err = d.act(w, r, v)
	var wrong *answer.Wrong
	if errors.As(err, &wrong) {
		return d.show(w, r, v, wrong)
	}
	return err
}

// overOr is errOver if the authorize service says so of a call about a transaction.
func overOr(err error) error {
	if err != nil && answer.RefusalOf(err).Code == oauth.InvalidRequest {
		return errOver
	}
	return err
}

// form is what the dialog's form carries.
func (v visit) form() pages.Form {
	f := browser.Form(pathOf(v.dialog.page), v.binding, v.browser.GetSession())
	f.Transaction = v.transaction
	if v.dialog.asksForPassword() {
		f.SessionMark = "" // It shows no account.
	}
	return f
}
