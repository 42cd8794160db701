// Package answer writes what the endpoints answer: pages, redirects, JSON, and
// failures in the form that each caller understands.
//
// It knows what an error means to a client, and no endpoint. The one thing to get
// right is that an answer says of a failure what the client may know, and that the
// rest is in the log.
package answer

import (
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

// Answers writes answers. It is safe for concurrent use.
type Answers struct {
	// Issuer is the realm of challenges.
	Issuer string
	Pages  *pages.Renderer
	Log    *slog.Logger
}

// Handler answers a request, or returns why it does not.
type Handler func(http.ResponseWriter, *http.Request) error

// Page serves h to people: see [Answers.FailPage].
func (a *Answers) Page(h Handler) http.Handler { return h.or(a.FailPage) }

// JSON serves h to programs: see [Answers.FailJSON].
func (a *Answers) JSON(h Handler) http.Handler { return h.or(a.FailJSON) }

// Bearer serves h to holders of tokens: see [Answers.FailBearer].
func (a *Answers) Bearer(h Handler) http.Handler { return h.or(a.FailBearer) }

func (h Handler) or(fail func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			fail(w, r, err)
		}
	})
}

// About is what the log has of the failure of a request.
func About(r *http.Request, err error) []slog.Attr {
	return []slog.Attr{slog.String("request_id", edge.InfoOf(r.Context()).ID), slog.String("error", err.Error())}
}

// warnOf logs a failed call. A refusal is the client's business.
func (a *Answers) warnOf(r *http.Request, code oauth.ErrorCode, err error) {
	if code == oauth.ServerError || code == oauth.TemporarilyUnavailable {
		a.Log.LogAttrs(r.Context(), slog.LevelWarn, "call failed", About(r, err)...)
	}
}

// RefusalOf returns what the client may know of err, which came from a service: as a
// refusal from one of this process, as a status from another one.
func RefusalOf(err error) *oauth.Error {
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

// FaultOf returns the administrative refusal that err carries, zero if it carries
// none.
func FaultOf(err error) fault.Error {
	var f *fault.Error
	if err != nil && (errors.As(err, &f) || errors.As(rpcerr.FromStatus(err), &f)) {
		return *f
	}
	return fault.Error{}
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

// RefuseUnknown answers for a path that leads nowhere, to a person or a program.
func (a *Answers) RefuseUnknown(w http.ResponseWriter, r *http.Request, f edge.Refusal) {
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		a.RefusePage(w, r, f)
		return
	}
	RefuseJSON(w, r, f)
}
