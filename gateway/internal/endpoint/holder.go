package endpoint

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/pkg/oauth"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

// maxTokenBytes is above every token there is.
const maxTokenBytes = 2 << 10

// Holder has the endpoints where a token stands for itself.
type Holder struct {
	*answer.Answers
	Introspection introspectionv1.IntrospectionServiceClient
	// WorkspaceURL is the preset's form of the address of a workspace, empty for none.
	WorkspaceURL string
}

// UserInfo is the UserInfo endpoint (OIDC Core §5.3).
func (h *Holder) UserInfo(w http.ResponseWriter, r *http.Request) error {
	token, err := userInfoToken(r)
	if err != nil {
		return err
	}
	if token == "" {
		// RFC 6750 §3.1: who presents nothing learns nothing but the scheme.
		h.Challenge(w, "")
		w.WriteHeader(http.StatusUnauthorized)
		return nil
	}
	resp, err := h.Introspection.UserInfo(r.Context(), &introspectionv1.UserInfoRequest{AccessToken: token})
	if err != nil {
		return err
	}
	return answer.WriteJSON(w, http.StatusOK, resp.GetClaims().AsMap())
}

// userInfoToken finds the token in the header or in the form (RFC 6750 §2), empty
// if it is in neither. Fails with invalid_request, for a token in the query and
// for two of them in particular.
func userInfoToken(r *http.Request) (string, error) {
	query, err := form.Query(r)
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
	if r.Method != http.MethodPost || !form.HasType(r, form.Type) {
		return "", nil
	}
	values, err := form.Body(r, form.OAuth())
	if err != nil {
		return "", err
	}
	return values.Get("access_token"), values.Once()
}

// bearer returns the token of the Authorization header (RFC 6750 §2.1), empty
// if there is none. Fails with invalid_request for a header that is broken, and
// with invalid_token for a token that cannot be one.
func bearer(r *http.Request) (string, error) {
	header, err := authorizationHeader(r)
	if err != nil {
		return "", err
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	token = strings.TrimLeft(token, " ")
	if token == "" {
		return "", oauth.Refuse(oauth.InvalidRequest, "Authorization header has no token")
	}
	return token, checkToken(token)
}

// checkToken accepts the characters of RFC 6750 §2.1.
func checkToken(token string) error {
	if len(token) > maxTokenBytes || !edge.IsWord(token, "-._~+/=") {
		return oauth.Refuse(oauth.InvalidToken, "token is not valid")
	}
	return nil
}

// validity is the answer of the validate endpoint. Every member is always there.
type validity struct {
	Active       bool     `json:"active"`
	Exp          *int64   `json:"exp"`
	WorkspaceURL *string  `json:"workspace_url"`
	Scopes       []string `json:"scopes"`
}

// Validate tells the holder of a token whether it is good. Whatever is wrong
// with the token, or with how it is presented, is "not active" and one and the
// same answer; only when the truth is not to be had the status is another.
func (h *Holder) Validate(w http.ResponseWriter, r *http.Request) error {
	v := validity{Scopes: []string{}}
	token, err := bearer(r)
	if err != nil || token == "" {
		return answer.WriteJSON(w, http.StatusOK, v)
	}
	resp, err := h.Introspection.Validate(r.Context(), &introspectionv1.ValidateRequest{AccessToken: token})
	if err != nil {
		h.FailClosed(w, r, err)
		return nil
	}
	if resp.GetActive() {
		v = validity{true, resp.Exp, h.workspaceURL(resp), append(v.Scopes, resp.GetScopes()...)}
	}
	return answer.WriteJSON(w, http.StatusOK, v)
}

// workspaceURL is where the preset says that the one shared workspace is. It is
// nil where no workspace is the one, or where a part of its address is not known.
func (h *Holder) workspaceURL(resp *introspectionv1.ValidateResponse) *string {
	if resp.WorkspaceId == nil || h.WorkspaceURL == "" || resp.WorkspaceSlug == nil && strings.Contains(h.WorkspaceURL, "{slug}") {
		return nil
	}
	address := strings.NewReplacer(
		"{issuer}", h.Issuer,
		"{id}", url.PathEscape(resp.GetWorkspaceId()),
		"{slug}", url.PathEscape(resp.GetWorkspaceSlug()),
	).Replace(h.WorkspaceURL)
	return &address
}
