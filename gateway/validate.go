package gateway

import (
	"net/http"
	"net/url"
	"strings"

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
	v.WorkspaceURL = g.workspaceURL(resp)
	return v
}

// workspaceURL is where the preset says that the one shared workspace is. It is
// nil where no workspace is the one, or where a part of its address is not known.
func (g *gateway) workspaceURL(resp *introspectionv1.ValidateResponse) *string {
	form := g.Preset.Validate.WorkspaceURL
	if resp.WorkspaceId == nil || form == "" || resp.WorkspaceSlug == nil && strings.Contains(form, "{slug}") {
		return nil
	}
	address := strings.NewReplacer(
		"{issuer}", g.Issuer,
		"{id}", url.PathEscape(resp.GetWorkspaceId()),
		"{slug}", url.PathEscape(resp.GetWorkspaceSlug()),
	).Replace(form)
	return &address
}
