package gateway

import (
	"net/http"
	"net/url"

	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

// validity is the answer of the validate endpoint. Every member is always there.
type validity struct {
	Active       bool     `json:"active"`
	Exp          *int64   `json:"exp"`
	WorkspaceURL *string  `json:"workspace_url"`
	Scopes       []string `json:"scopes"`
}

// validate tells the holder of a token whether it is good. Whatever is wrong
// with the token, or with how it is presented, is "not active" and one and the
// same answer; only when the truth is not to be had the status is another.
func (g *gateway) validate(w http.ResponseWriter, r *http.Request) {
	token, err := bearer(r)
	if err != nil || token == "" {
		writeJSON(w, http.StatusOK, validity{Scopes: []string{}})
		return
	}
	resp, err := g.Introspection.Validate(r.Context(), &introspectionv1.ValidateRequest{AccessToken: token})
	if err != nil {
		g.logFailure(r, refusalOf(err).Code, err)
		writeErrorBody(w, max(http.StatusInternalServerError, statusOf(refusalOf(err).Code)), refusalOf(err))
		return
	}
	writeJSON(w, http.StatusOK, g.validity(resp))
}

func (g *gateway) validity(resp *introspectionv1.ValidateResponse) validity {
	v := validity{Scopes: []string{}}
	if !resp.GetActive() {
		return v
	}
	v.Active, v.Exp = true, resp.Exp
	v.Scopes = append(v.Scopes, resp.GetScopes()...)
	if resp.WorkspaceId != nil {
		u := g.Issuer + "/workspaces/" + url.PathEscape(resp.GetWorkspaceId())
		v.WorkspaceURL = &u
	}
	return v
}
