package resourceserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

const (
	// maxFormBytes is how much of a form is searched for a token. The handler gets
	// the form whole.
	maxFormBytes = 64 << 10
	// retryAfter is in seconds: what hinders a check is over soon, or not.
	retryAfter = "1"
)

// Require returns middleware that lets a request pass with a token that has every
// scope value, any good token if none is named, and hands [Access] on in the
// request's context. It knows no resource: a value that selects workspaces or
// projects may hold in another one than the request is about, which the handler asks
// [Access.WorkspaceAllows] or [Access.ProjectAllows]. A request that it refuses does
// not reach the handler:
//
//   - 401 without a token, and for one that is not active;
//   - 403 for one that lacks a scope value, named in the challenge;
//   - 400 for a token anywhere but in one Authorization header: query strings and
//     forms end up in logs;
//   - 503 with Retry-After when it cannot be told.
//
// It panics for a scope value that cannot be one, for no token would ever pass.
func (g *Guard) Require(scope ...string) func(http.Handler) http.Handler {
	needed := mustScope(scope)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, err := tokenOf(r)
			if err == nil && token == "" {
				g.challenge(w, nil, needed)
				return
			}
			var access *Access
			if err == nil {
				access, err = g.admit(r.Context(), token, needed)
			}
			if err != nil {
				g.challenge(w, err, needed)
				return
			}
			next.ServeHTTP(w, r.WithContext(WithAccess(r.Context(), access)))
		})
	}
}

func mustScope(values []string) oauth.Scope {
	if len(values) == 0 {
		return nil
	}
	scope, err := oauth.ParseScope(strings.Join(values, " "))
	if err != nil {
		panic("resourceserver: " + err.Error())
	}
	return scope
}

// tokenOf returns the token of a request, empty if there is none.
func tokenOf(r *http.Request) (string, error) {
	token, err := bearerToken(r.Header.Values("Authorization"))
	if err != nil {
		return "", err
	}
	elsewhere := namesToken(r.URL.RawQuery)
	if !elsewhere {
		if elsewhere, err = formNamesToken(r); err != nil {
			return "", err
		}
	}
	if elsewhere {
		return "", oauth.Refuse(oauth.InvalidRequest, "access token belongs in the Authorization header alone")
	}
	return token, nil
}

// formNamesToken looks into the beginning of a form, and puts it back.
func formNamesToken(r *http.Request) (bool, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // a type stays one when its parameters are broken
	if kind != "application/x-www-form-urlencoded" || r.Body == nil {
		return false, nil
	}
	start, err := io.ReadAll(io.LimitReader(r.Body, maxFormBytes))
	if err != nil {
		return false, oauth.RefuseBecause(oauth.InvalidRequest, "the body did not arrive", err)
	}
	r.Body = restored{io.MultiReader(bytes.NewReader(start), r.Body), r.Body}
	return namesToken(string(start)), nil
}

// restored is a body whose beginning was read.
type restored struct {
	io.Reader
	io.Closer
}

// challenge writes the answer to a request that does not pass; a nil err is for one
// without a token, which is told no more than that (RFC 6750 §3.1).
func (g *Guard) challenge(w http.ResponseWriter, err error, needed oauth.Scope) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	value := `Bearer realm="` + quotable(g.config.Realm) + `"`
	if err == nil {
		h.Set("WWW-Authenticate", value)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var refusal *oauth.Error
	if !errors.As(err, &refusal) {
		refusal = &oauth.Error{Code: oauth.ServerError}
	}
	status := statusOf(refusal.Code)
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter)
	} else {
		value += `, error="` + string(refusal.Code) + `", error_description="` + quotable(refusal.Description) + `"`
		if refusal.Code == oauth.InsufficientScope {
			value += `, scope="` + quotable(needed.String()) + `"`
		}
		h.Set("WWW-Authenticate", value)
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": string(refusal.Code), "error_description": refusal.Description})
}

// statusOf is the status of RFC 6750 §3.1.
func statusOf(code oauth.ErrorCode) int {
	switch code {
	case oauth.InvalidRequest:
		return http.StatusBadRequest
	case oauth.InvalidToken:
		return http.StatusUnauthorized
	case oauth.InsufficientScope:
		return http.StatusForbidden
	default:
		return http.StatusServiceUnavailable
	}
}
