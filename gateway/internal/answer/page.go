package answer

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/internal/link"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// worded is a failure whose page has words of its own, and that is nothing to log.
type worded struct {
	error
	reason pages.Reason
}

// Unwrap returns the refusal.
func (f worded) Unwrap() error { return f.error }

// Refuse returns the failure that a page tells of with the words for reason; with
// those for the code where it is empty. Nothing of it is logged.
func Refuse(reason pages.Reason, code oauth.ErrorCode, description string) error {
	return worded{oauth.Refuse(code, description), reason}
}

// ErrAbsent is about what is not there, or what this visitor may not know of.
var ErrAbsent = Refuse(pages.ReasonNotFound, oauth.InvalidRequest, "")

// ErrForeign is about a form that another site's page sent.
var ErrForeign = Refuse(pages.ReasonForeign, oauth.AccessDenied, "the form was not sent from its own page")

// ErrSession is about a form that was shown to another account.
var ErrSession = Refuse(pages.ReasonSession, oauth.InvalidRequest, "another account was signed in after this page was shown")

// Wrong is a form that cannot be taken as it is: its page is shown again.
type Wrong struct {
	Status int
	// Form is what is wrong, nil if the page knows by the status.
	Form *pages.FormError
}

// Error says what it is.
func (*Wrong) Error() string { return "the form cannot be taken as it is" }

// Complain returns a [Wrong] with complaints.
func Complain(status int, complaints ...pages.FieldError) error {
	wrong := &Wrong{Status: status}
	if len(complaints) > 0 {
		wrong.Form = &pages.FormError{Errors: complaints}
	}
	return wrong
}

// unshown is a page that could not be shown. That is answered already.
type unshown struct{ error }

// Render writes a page. What it fails with is answered already, and is for the log.
func (a *Answers) Render(w http.ResponseWriter, status int, page pages.Page) error {
	if err := a.Pages.Render(w, status, page); err != nil {
		return unshown{err}
	}
	return nil
}

// RenderError writes an error page that names the request.
func (a *Answers) RenderError(w http.ResponseWriter, r *http.Request, status int, page pages.Error) error {
	page.Reference = edge.InfoOf(r.Context()).ID
	return a.Render(w, status, page)
}

// SeeOther leads on. It is 303 always: 307 would have the browser post the password
// again, to the client (RFC 9700 §4.12). It never fails.
func SeeOther(w http.ResponseWriter, location string) error {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// FailPage shows why a request has failed. Unlike those of programs, an answer to a
// browser is 400 whatever is wrong with the client.
func (a *Answers) FailPage(w http.ResponseWriter, r *http.Request, err error) {
	if errors.As(err, &unshown{}) {
		a.Log.LogAttrs(r.Context(), slog.LevelError, "page could not be shown", About(r, err)...)
		return
	}
	refusal := RefusalOf(err)
	page := pages.Error{Code: string(refusal.Code), Detail: describe(refusal)}
	var told worded
	if errors.As(err, &told) {
		page.Reason = told.reason
	} else {
		a.warnOf(r, refusal.Code, err)
	}
	status := statusOf(refusal.Code)
	switch {
	case page.Reason == pages.ReasonNotFound:
		status = http.StatusNotFound
	case page.Reason == pages.ReasonForbidden:
		status, page.AccountURL = http.StatusForbidden, link.AccountApps
	case refusal.Code == oauth.AccessDenied:
		status = http.StatusForbidden
	case status < http.StatusInternalServerError:
		status = http.StatusBadRequest
	}
	setRetryAfter(w, status)
	a.showError(w, r, status, page)
}

// RefusePage writes a refusal of the edge where people come.
func (a *Answers) RefusePage(w http.ResponseWriter, r *http.Request, f edge.Refusal) {
	page := pages.Error{Code: string(codeOf(f.Status)), Detail: f.Description}
	switch f.Status {
	case http.StatusNotFound:
		page.Reason = pages.ReasonNotFound
	case http.StatusRequestEntityTooLarge:
		page.Reason = pages.ReasonTooLarge
	}
	a.showError(w, r, f.Status, page)
}

func (a *Answers) showError(w http.ResponseWriter, r *http.Request, status int, page pages.Error) {
	if err := a.RenderError(w, r, status, page); err != nil {
		a.FailPage(w, r, err)
	}
}
