package gateway

import (
	"io"
	"net/http"

	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// authorize is the authorization endpoint (RFC 6749 §3.1). A request that cannot
// be read in one way only is answered with a page: what it says of a redirect URI
// proves nothing.
func (g *gateway) authorize(w http.ResponseWriter, r *http.Request) {
	values, err := authorizationParameters(r)
	if err != nil {
		g.pageFailure(w, r, err)
		return
	}
	request := &authorizev1.AuthorizationRequest{}
	// The names come last: a parameter must not pass for the edge's word.
	repeated := form.Fill(values, request)
	request.RepeatedParameters = repeated
	resp, err := g.Authorize.StartAuthorization(r.Context(), &authorizev1.StartAuthorizationRequest{
		Request: request, Browser: browserOf(r),
	})
	if err != nil {
		g.pageFailure(w, r, err)
		return
	}
	g.execute(w, r, "", resp.GetNext())
}

// authorizationParameters reads the query of a GET and the form of a POST
// (OIDC Core §3.1.2.1), and never both. Fails with invalid_request.
func authorizationParameters(r *http.Request) (form.Values, error) {
	if r.Method == http.MethodGet {
		return form.Parse(r.URL.RawQuery, authorizeForm())
	}
	if r.URL.RawQuery != "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "parameters must be in the query or in the body, not in both")
	}
	return postedForm(r, authorizeForm())
}

// postedForm reads the form in the body. Fails with invalid_request.
func postedForm(r *http.Request, limits form.Limits) (form.Values, error) {
	if !isForm(r) {
		return nil, oauth.Refuse(oauth.InvalidRequest, "body must be "+formType)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, oauth.RefuseBecause(oauth.InvalidRequest, "the body did not arrive", err)
	}
	return form.Parse(string(body), limits)
}
