package interaction

import (
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
	// view is the page, shown for the first time or after a mistake.
	view func(*http.Request, sheet) pages.Page
	// act does what the posted form asks for.
	act func(http.ResponseWriter, *http.Request, visit) error
	// direct is for a person who comes without a transaction; nil: there is nothing to
	// do.
	direct *direct
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
	v := visit{dialog: d, transaction: tx, binding: browser.Binding(r, tx), browser: browser.Of(r), posted: posted}
	v.browser.Bindings = []string{v.binding}
	return v
}

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
	if next := query.All("next"); d.direct != nil && len(tx) == 0 && len(next) == 1 {
		return d.direct.get(w, r, next[0])
	}
	if len(tx) != 1 || !validTransaction(tx[0]) {
		return d.Home(w, r)
	}
	v := d.visitOf(r, tx[0], nil)
	if v.binding == "" {
		return errOver
	}
	return d.show(w, r, v)
}

// show shows the dialog, or leads to the one that the transaction is at.
func (d *dialog) show(w http.ResponseWriter, r *http.Request, v visit) error {
	interaction, err := d.interaction(r, v)
	if err != nil {
		return err
	}
	if interaction.GetPage() == d.page {
		return d.Render(w, http.StatusOK, d.view(r, sheet{form: v.form(), interaction: interaction}))
	}
	path := pathOf(interaction.GetPage())
	if path == "" {
		return errOver
	}
	return answer.SeeOther(w, path+"?tx="+v.transaction)
}

// again shows the dialog once more, with what was wrong.
func (d *dialog) again(w http.ResponseWriter, r *http.Request, status int, v visit, complaints ...pages.FieldError) error {
	return d.againAbout(w, r, status, v, func(*authorizev1.GetInteractionResponse) []pages.FieldError { return complaints })
}

// againAbout is [dialog.again] for what is wrong with what the dialog is about.
func (d *dialog) againAbout(w http.ResponseWriter, r *http.Request, status int, v visit, complain func(*authorizev1.GetInteractionResponse) []pages.FieldError) error {
	interaction, err := d.interaction(r, v)
	if err != nil {
		return err
	}
	if interaction.GetPage() != d.page {
		return errOver
	}
	return d.Render(w, status, d.view(r, sheet{v.form(), interaction, v.posted, &pages.FormError{Errors: complain(interaction)}}))
}

// interaction asks what to show.
func (d *dialog) interaction(r *http.Request, v visit) (*authorizev1.GetInteractionResponse, error) {
	resp, err := d.Authorize.GetInteraction(r.Context(), &authorizev1.GetInteractionRequest{
		Transaction: v.transaction, Browser: v.browser,
	})
	return resp, overOr(err)
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
	if d.direct != nil && tx == "" && values.Get("next") != "" {
		return d.direct.post(w, r, values)
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
	return d.act(w, r, v)
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
	if v.dialog.page == authorizev1.Interaction_PAGE_SIGN_IN {
		f.SessionMark = "" // It shows no account.
	}
	return f
}
