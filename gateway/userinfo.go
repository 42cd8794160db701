package gateway

import (
	"io"
	"net/http"

	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/pkg/oauth"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

// userInfo is the UserInfo endpoint (OIDC Core §5.3).
func (g *gateway) userInfo(w http.ResponseWriter, r *http.Request) {
	token, err := userInfoToken(r)
	if err != nil {
		g.writeBearerError(w, r, err)
		return
	}
	if token == "" {
		// RFC 6750 §3.1: who presents nothing learns nothing but the scheme.
		w.Header().Set("WWW-Authenticate", g.bearerChallenge(""))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	resp, err := g.Introspection.UserInfo(r.Context(), &introspectionv1.UserInfoRequest{AccessToken: token})
	if err != nil {
		g.writeBearerError(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, resp.GetClaims().AsMap())
}

// userInfoToken finds the token in the header or in the form (RFC 6750 §2), empty
// if it is in neither. Fails with invalid_request, for a token in the query and
// for two of them in particular.
func userInfoToken(r *http.Request) (string, error) {
	query, err := form.Parse(r.URL.RawQuery, oauthForm())
	if err != nil {
		return "", err
	}
	if len(query.All("access_token")) > 0 {
		return "", oauth.Refuse(oauth.InvalidRequest, "token must not be in the query")
	}
	inHeader, err := bearer(r)
	if err != nil {
		return "", err
	}
	inBody, err := bodyToken(r)
	switch {
	case err != nil:
		return "", err
	case inHeader != "" && inBody != "":
		return "", oauth.Refuse(oauth.InvalidRequest, "token comes in the header and in the body")
	case inBody != "":
		return inBody, checkToken(inBody)
	default:
		return inHeader, nil
	}
}

// bodyToken is RFC 6750 §2.2. A body that is no form has no token.
func bodyToken(r *http.Request) (string, error) {
	if r.Method != http.MethodPost || !isForm(r) {
		return "", nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", oauth.RefuseBecause(oauth.InvalidRequest, "the body did not arrive", err)
	}
	values, err := form.Parse(string(body), oauthForm())
	if err != nil {
		return "", err
	}
	if len(values.Repeated(form.Never)) > 0 {
		return "", oauth.Refuse(oauth.InvalidRequest, "a parameter comes more than once")
	}
	return values.Get("access_token"), nil
}

// writeBearerError writes the error of RFC 6750 §3. Its values have no character
// that would end a quoted string.
func (g *gateway) writeBearerError(w http.ResponseWriter, r *http.Request, err error) {
	refusal := refusalOf(err)
	g.logFailure(r, refusal.Code, err)
	status := statusOf(refusal.Code)
	if status < http.StatusInternalServerError {
		challenge := `, error="` + string(refusal.Code) + `"`
		if d := describe(refusal); d != "" {
			challenge += `, error_description="` + d + `"`
		}
		w.Header().Set("WWW-Authenticate", g.bearerChallenge(challenge))
	}
	writeErrorBody(w, status, refusal)
}

func (g *gateway) bearerChallenge(rest string) string {
	return `Bearer realm="` + g.Issuer + `"` + rest
}
