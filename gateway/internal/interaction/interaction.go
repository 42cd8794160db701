// Package interaction is the browser's way through an authorization: the authorization
// endpoint, sign-in, the choice of an account, consent, and back to the client.
//
// What comes next is the authorize service's to say, each time. The one thing to get
// right is that a browser is only ever sent to a redirect URI that the service has
// proven, or to a constant path of ours.
package interaction

import (
	"net/http"
	"net/url"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/browser"
	"github.com/chancery-auth/chancery/gateway/internal/desk"
	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/internal/link"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

// Interaction leads browsers. Its desks tell who is signed in.
type Interaction struct {
	*desk.Desks
	Preset    preset.Preset
	Directory directoryv1.DirectoryServiceClient
}

// Start is the authorization endpoint (RFC 6749 §3.1). A request that cannot
// be read in one way only is answered with a page: what it says of a redirect URI
// proves nothing.
func (i *Interaction) Start(w http.ResponseWriter, r *http.Request) error {
	values, err := authorizationParameters(r)
	if err != nil {
		return err
	}
	request := &authorizev1.AuthorizationRequest{}
	// The names come last: a parameter must not pass for the edge's word.
	repeated := form.Fill(values, request)
	request.RepeatedParameters = repeated
	resp, err := i.Authorize.StartAuthorization(r.Context(), &authorizev1.StartAuthorizationRequest{
		Request: request, Browser: browser.Of(r),
	})
	return i.next(w, r, "", resp, err)
}

// authorizationParameters reads the query of a GET and the form of a POST
// (OIDC Core §3.1.2.1), and never both. Values that are too long for their parameter
// pass: the service refuses them, so that the client is told. Fails with
// invalid_request.
func authorizationParameters(r *http.Request) (form.Values, error) {
	limits := form.Limits{Parameters: 64, Value: 16 << 10}
	if r.Method == http.MethodGet {
		return form.Parse(r.URL.RawQuery, limits)
	}
	if r.URL.RawQuery != "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "parameters must be in the query or in the body, not in both")
	}
	return form.Body(r, limits)
}

// stepped is an answer of the authorize service that says what comes next.
type stepped interface{ GetNext() *authorizev1.Step }

// next does what the authorize service says comes next, unless the call has failed.
// transaction is the one that the step belongs to, empty at the authorization endpoint.
func (i *Interaction) next(w http.ResponseWriter, r *http.Request, transaction string, resp stepped, err error) error {
	if err != nil {
		return err
	}
	switch next := resp.GetNext().GetKind().(type) {
	case *authorizev1.Step_Interaction:
		return i.interact(w, r, next.Interaction)
	case *authorizev1.Step_Redirect:
		if transaction != "" {
			browser.Unbind(w, transaction)
		}
		return i.redirect(w, next.Redirect)
	case *authorizev1.Step_ErrorPage:
		return answer.Refuse(reasonOf(next.ErrorPage), oauth.ErrorCode(next.ErrorPage.GetError()), next.ErrorPage.GetErrorDescription())
	default:
		return oauth.Refuse(oauth.ServerError, "step is of no known kind")
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

// interact sends the browser to a page, and binds it to the transaction: a stranger who
// gets hold of the page's address only cannot answer it (RFC 9700 §4.7).
func (i *Interaction) interact(w http.ResponseWriter, r *http.Request, next *authorizev1.Interaction) error {
	path := pathOf(next.GetPage())
	if path == "" || !validTransaction(next.GetTransaction()) {
		return oauth.Refuse(oauth.ServerError, "interaction has no known page or no usable transaction")
	}
	if next.GetBinding() != "" {
		browser.Bind(w, r, next.GetTransaction(), next.GetBinding(), i.Preset.Lifetimes.Transaction)
	}
	return answer.SeeOther(w, path+"?tx="+url.QueryEscape(next.GetTransaction()))
}

// pathOf is the constant table of where our own redirects lead, empty for a page that
// is not known.
func pathOf(page authorizev1.Interaction_Page) string {
	switch page {
	case authorizev1.Interaction_PAGE_SIGN_IN:
		return link.SignIn
	case authorizev1.Interaction_PAGE_ACCOUNT:
		return link.Account
	case authorizev1.Interaction_PAGE_CONSENT:
		return link.Consent
	default:
		return ""
	}
}

// validTransaction accepts the handles of transactions, and nothing that a browser
// could read as a part of an address.
func validTransaction(tx string) bool {
	return 0 < len(tx) && len(tx) <= 128 && edge.IsWord(tx, "-_")
}

// redirect carries the authorization response to the proven redirect URI
// (RFC 6749 §4.1.2; OAuth 2.0 Form Post Response Mode §2).
func (i *Interaction) redirect(w http.ResponseWriter, next *authorizev1.ClientRedirect) error {
	if oauth.ResponseMode(next.GetResponseMode()) == oauth.ModeFormPost {
		page := pages.FormPost{
			Client:      pages.ClientView{Name: oauth.RedirectHost(next.GetRedirectUri())},
			RedirectURI: next.GetRedirectUri(),
		}
		for _, p := range next.GetParameters() {
			page.Params = append(page.Params, pages.Param{Name: p.GetName(), Value: p.GetValue()})
		}
		return i.Render(w, http.StatusOK, page)
	}
	var params [][2]string
	for _, p := range next.GetParameters() {
		params = append(params, [2]string{p.GetName(), p.GetValue()})
	}
	return answer.SeeOther(w, oauth.AppendQuery(next.GetRedirectUri(), params))
}

// Home is the page for a person who comes without a transaction, or is done with one
// of the pages that need a session.
func (i *Interaction) Home(w http.ResponseWriter, r *http.Request) error {
	notice := pages.NoticeService
	if r.URL.Path == link.Home {
		switch r.URL.RawQuery {
		case "done=signed-out":
			notice = pages.NoticeSignedOut
		case "done=cancelled":
			notice = pages.NoticeCancelled
		}
	}
	return i.Render(w, http.StatusOK, pages.Message{Notice: notice})
}
