package gateway

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
)

// refusalOf is what the client may know of err, which came from a service: as a
// refusal from one of this process, as a status from another one.
func refusalOf(err error) *oauth.Error {
	var refusal *oauth.Error
	var f *fault.Error
	if !errors.As(err, &refusal) && !errors.As(err, &f) {
		err = rpcerr.FromStatus(err)
	}
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, fault.Invalid):
		return &oauth.Error{Code: oauth.InvalidRequest}
	case errors.Is(err, fault.Unavailable), errors.Is(err, fault.Exhausted):
		return &oauth.Error{Code: oauth.TemporarilyUnavailable, Description: "try again later"}
	default:
		return &oauth.Error{Code: oauth.ServerError}
	}
}

// faultOf is the administrative refusal that err carries, zero if it carries
// none.
func faultOf(err error) fault.Error {
	var f *fault.Error
	if err == nil {
		return fault.Error{}
	}
	if errors.As(err, &f) || errors.As(rpcerr.FromStatus(err), &f) {
		return *f
	}
	return fault.Error{}
}

// statusOf is 400 unless RFC 6749 §5.2 or RFC 6750 §3.1 says otherwise.
func statusOf(code oauth.ErrorCode) int {
	switch code {
	case oauth.InvalidClient, oauth.InvalidToken:
		return http.StatusUnauthorized
	case oauth.InsufficientScope:
		return http.StatusForbidden
	case oauth.ServerError:
		return http.StatusInternalServerError
	case oauth.TemporarilyUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusBadRequest
	}
}

// writeError writes the error response of RFC 6749 §5.2, or that of RFC 6750 §3
// to a caller who has shown an access token (RFC 7662 §2.3).
func (g *gateway) writeError(w http.ResponseWriter, r *http.Request, err error) {
	refusal := refusalOf(err)
	if refusal.Code == oauth.InvalidToken || refusal.Code == oauth.InsufficientScope {
		g.writeBearerError(w, r, err)
		return
	}
	if after := faultOf(err).RetryAfter; after > 0 {
		edge.SetRetryAfter(w, after)
		refuseJSON(w, r, edge.Refusal{Status: http.StatusTooManyRequests, Description: faultOf(err).Message})
		return
	}
	g.logFailure(r, refusal.Code, err)
	status := statusOf(refusal.Code)
	if status == http.StatusUnauthorized {
		// RFC 9110 §15.5.2 wants a challenge with every 401, also where the client
		// had authenticated itself in the body.
		w.Header().Set("WWW-Authenticate", `Basic realm="`+g.Issuer+`"`)
	}
	writeErrorBody(w, status, refusal)
}

// logFailure logs what an operator has to look at. A refusal is the client's
// business.
func (g *gateway) logFailure(r *http.Request, code oauth.ErrorCode, err error) {
	if code == oauth.ServerError || code == oauth.TemporarilyUnavailable {
		g.Log.WarnContext(r.Context(), "call failed",
			slog.String("request_id", edge.InfoOf(r.Context()).ID), slog.String("error", err.Error()))
	}
}

func writeErrorBody(w http.ResponseWriter, status int, refusal *oauth.Error) {
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, status, struct {
		Error       oauth.ErrorCode `json:"error"`
		Description string          `json:"error_description,omitempty"`
	}{refusal.Code, describe(refusal)})
}

// describe is the error_description: of the characters that RFC 6749 §5.2 and
// RFC 6750 §3 allow, so that it can stand in a quoted string. An internal error
// has none.
func describe(refusal *oauth.Error) string {
	if refusal.Code == oauth.ServerError {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, refusal.Description)
}

// writeJSON writes v. It has no form that cannot be encoded.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	body, err := json.Marshal(v)
	if err != nil {
		return
	}
	_, _ = w.Write(body) // A client that is gone needs no answer.
}

// refuseJSON is the edge's refusal where programs call.
func refuseJSON(w http.ResponseWriter, _ *http.Request, f edge.Refusal) {
	writeErrorBody(w, f.Status, &oauth.Error{Code: codeOf(f.Status), Description: f.Description})
}

// refusePage is the edge's refusal where people come.
func (g *gateway) refusePage(w http.ResponseWriter, r *http.Request, f edge.Refusal) {
	page := pages.Error{Code: string(codeOf(f.Status)), Detail: f.Description}
	switch f.Status {
	case http.StatusNotFound:
		page.Reason = pages.ReasonNotFound
	case http.StatusRequestEntityTooLarge:
		page.Reason = pages.ReasonTooLarge
	}
	g.renderError(w, r, f.Status, page)
}

// refuseUnknown speaks to whoever asks for a path that is none.
func (g *gateway) refuseUnknown(w http.ResponseWriter, r *http.Request, f edge.Refusal) {
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		g.refusePage(w, r, f)
		return
	}
	refuseJSON(w, r, f)
}

// codeOf is the OAuth error that fits an HTTP status best.
func codeOf(status int) oauth.ErrorCode {
	switch status {
	case http.StatusTooManyRequests:
		return oauth.TemporarilyUnavailable
	case http.StatusForbidden:
		return oauth.AccessDenied
	case http.StatusInternalServerError:
		return oauth.ServerError
	default:
		return oauth.InvalidRequest
	}
}
