package gateway

import (
	"log/slog"
	"net/http"
	"net/url"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// execute does what the authorize service says comes next. transaction is the one
// that the step belongs to, empty at the authorization endpoint.
func (g *gateway) execute(w http.ResponseWriter, r *http.Request, transaction string, step *authorizev1.Step) {
	switch next := step.GetKind().(type) {
	case *authorizev1.Step_Interaction:
		g.interact(w, r, next.Interaction)
	case *authorizev1.Step_Redirect:
		if transaction != "" {
			dropCookie(w, bindingName(transaction))
		}
		g.redirectToClient(w, r, next.Redirect)
	case *authorizev1.Step_ErrorPage:
		refusal := &oauth.Error{Code: oauth.ErrorCode(next.ErrorPage.GetError()), Description: next.ErrorPage.GetErrorDescription()}
		g.refusalPage(w, r, refusal, reasonOf(next.ErrorPage))
	default:
		g.pageFailure(w, r, oauth.Refuse(oauth.ServerError, "step is of no known kind"))
	}
}

// reasonOf warns of a link that would have sent the user elsewhere, and tells who
// may not use a client so; of anything else the error's code says enough.
func reasonOf(page *authorizev1.ErrorPage) pages.Reason {
	switch {
	case page.GetRedirectUriRefused():
		return pages.ReasonRedirect
	case page.GetForbidden():
		return pages.ReasonForbidden
	default:
		return ""
	}
}

// interact sends the browser to a page, and binds it to the transaction: whoever
// gets hold of the page's address only cannot answer it (RFC 9700 §4.7).
func (g *gateway) interact(w http.ResponseWriter, r *http.Request, next *authorizev1.Interaction) {
	path, ok := pagePath(next.GetPage())
	if !ok || !validTransaction(next.GetTransaction()) {
		g.pageFailure(w, r, oauth.Refuse(oauth.ServerError, "interaction has no known page or no usable transaction"))
		return
	}
	if next.GetBinding() != "" {
		bind(w, r, next.GetTransaction(), next.GetBinding(), g.Preset.Lifetimes.Transaction)
	}
	seeOther(w, path+"?tx="+url.QueryEscape(next.GetTransaction()))
}

// pagePath is the constant table of where our own redirects lead.
func pagePath(page authorizev1.Interaction_Page) (path string, ok bool) {
	switch page {
	case authorizev1.Interaction_PAGE_SIGN_IN:
		return signInPath, true
	case authorizev1.Interaction_PAGE_ACCOUNT:
		return accountPath, true
	case authorizev1.Interaction_PAGE_CONSENT:
		return consentPath, true
	default:
		return "", false
	}
}

// redirectToClient carries the authorization response to the proven redirect URI
// (RFC 6749 §4.1.2; OAuth 2.0 Form Post Response Mode §2).
func (g *gateway) redirectToClient(w http.ResponseWriter, r *http.Request, next *authorizev1.ClientRedirect) {
	if oauth.ResponseMode(next.GetResponseMode()) == oauth.ModeFormPost {
		page := pages.FormPost{
			Client:      pages.ClientView{Name: oauth.RedirectHost(next.GetRedirectUri())},
			RedirectURI: next.GetRedirectUri(),
		}
		for _, p := range next.GetParameters() {
			page.Params = append(page.Params, pages.Param{Name: p.GetName(), Value: p.GetValue()})
		}
		g.render(w, r, http.StatusOK, page)
		return
	}
	params := make([][2]string, 0, len(next.GetParameters()))
	for _, p := range next.GetParameters() {
		params = append(params, [2]string{p.GetName(), p.GetValue()})
	}
	seeOther(w, oauth.AppendQuery(next.GetRedirectUri(), params))
}

// seeOther is 303 always: 307 would have the browser post the password again, to
// the client (RFC 9700 §4.12).
func seeOther(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}

// render writes a page.
func (g *gateway) render(w http.ResponseWriter, r *http.Request, status int, page pages.Page) {
	if err := g.pages.Render(w, status, page); err != nil {
		g.Log.ErrorContext(r.Context(), "page could not be shown",
			slog.String("request_id", edge.InfoOf(r.Context()).ID), slog.String("error", err.Error()))
	}
}

// renderError writes an error page that names the request.
func (g *gateway) renderError(w http.ResponseWriter, r *http.Request, status int, page pages.Error) {
	page.Reference = edge.InfoOf(r.Context()).ID
	g.render(w, r, status, page)
}

// pageFailure shows a failed call, or a request that cannot be read, as a page.
func (g *gateway) pageFailure(w http.ResponseWriter, r *http.Request, err error) {
	refusal := refusalOf(err)
	g.logFailure(r, refusal.Code, err)
	g.refusalPage(w, r, refusal, "")
}

// refusalPage is the error page for refusal. Unlike those of programs, an answer
// to a browser is 400 whatever is wrong with the client. An empty reason follows
// from the code.
func (g *gateway) refusalPage(w http.ResponseWriter, r *http.Request, refusal *oauth.Error, reason pages.Reason) {
	var status int
	switch refusal.Code {
	case oauth.AccessDenied:
		status = http.StatusForbidden
	case oauth.ServerError:
		status = http.StatusInternalServerError
	case oauth.TemporarilyUnavailable:
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	default:
		status = http.StatusBadRequest
	}
	page := pages.Error{Code: string(refusal.Code), Detail: describe(refusal), Reason: reason}
	if reason == pages.ReasonForbidden {
		status, page.AccountURL = http.StatusForbidden, accountAppsPath
	}
	g.renderError(w, r, status, page)
}
