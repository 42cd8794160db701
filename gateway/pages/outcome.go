package pages

import (
	"cmp"
	"errors"
	"net/url"
)

// Error says that an authorization cannot go on, and that the client cannot
// be told by a redirect. It holds no link: before the redirect URI is proven,
// no address of the request deserves one (RFC 6749 §4.1.2.1).
type Error struct {
	// Code is the OAuth error code, for the client's developer.
	Code string
	// Detail is the description of the error, for the client's developer. It
	// may be empty.
	Detail string
	// Reference finds the request in the log.
	Reference string
	// Reason chooses the words for the person. Empty chooses by Code.
	Reason Reason
	// AccountURL is the path of a page on which another account can be chosen.
	// Empty leaves the link out.
	AccountURL string
}

func (Error) template() string       { return "error" }
func (Error) redirectTarget() string { return "" }

// Reason is what went wrong, as far as the person at the browser is concerned.
type Reason string

// The reasons. Each has a title, a sentence and a piece of advice.
const (
	// ReasonRequest is a mistake in the link the person followed.
	ReasonRequest Reason = "request"
	// ReasonClient is a client that does not exist or may not do this.
	ReasonClient Reason = "client"
	// ReasonRedirect is a redirect URI that is not registered.
	ReasonRedirect Reason = "redirect"
	// ReasonExpired is a form that was answered too late or a second time.
	ReasonExpired Reason = "expired"
	// ReasonSession is a form answered in another session than it was shown in.
	ReasonSession Reason = "session"
	// ReasonForeign is a form that another site's page sent.
	ReasonForeign Reason = "foreign"
	// ReasonDenied is access that policy or the person refused.
	ReasonDenied Reason = "denied"
	// ReasonForbidden is a client that is not for everybody, and not for this
	// account. The page names no client.
	ReasonForbidden Reason = "forbidden"
	// ReasonNotAdmin is a page for the admins of a workspace.
	ReasonNotAdmin Reason = "not-admin"
	// ReasonNotFound is a path that leads nowhere.
	ReasonNotFound Reason = "not-found"
	// ReasonTooLarge is a form that is longer than it may be, as with a large file.
	ReasonTooLarge Reason = "too-large"
	// ReasonBusy is a limit that was reached, or a part that is down.
	ReasonBusy Reason = "busy"
	// ReasonInternal is a fault of ours.
	ReasonInternal Reason = "internal"
)

// Words is Reason, or what Code suggests.
func (p Error) Words() Reason {
	byCode := ReasonRequest
	switch p.Code {
	case "invalid_client", "unauthorized_client":
		byCode = ReasonClient
	case "access_denied":
		byCode = ReasonDenied
	case "temporarily_unavailable", "slow_down":
		byCode = ReasonBusy
	case "server_error":
		byCode = ReasonInternal
	case "expired_token":
		byCode = ReasonExpired
	}
	return cmp.Or(p.Reason, byCode)
}

// FormPost carries an authorization response to the client as a form that the
// browser posts (OAuth 2.0 Form Post Response Mode §2).
type FormPost struct {
	Client ClientView
	// RedirectURI is the validated redirect URI, http or https.
	RedirectURI string
	// Params are the parameters of the response.
	Params []Param
}

// Param is one parameter of an authorization response.
type Param struct {
	Name, Value string
}

func (FormPost) template() string         { return "formpost" }
func (p FormPost) redirectTarget() string { return p.RedirectURI }

// errPostTarget is returned for a response that no browser could post.
var errPostTarget = errors.New("form_post needs an http or https redirect URI")

// Target is where the form is posted to. Fails if that is no web address: the
// form would lead back to this very page.
func (p FormPost) Target() (string, error) {
	u, err := url.Parse(p.RedirectURI)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", errPostTarget
	}
	return p.RedirectURI, nil
}

// Message says that something is done and nothing is left to do here.
type Message struct {
	Notice Notice
}

func (Message) template() string       { return "message" }
func (Message) redirectTarget() string { return "" }

// Notice is what a [Message] says.
type Notice string

// The notices. Their values are the id of the element that holds them.
const (
	// NoticeSignedOut ends the session (OIDC RP-Initiated Logout §3).
	NoticeSignedOut Notice = "logged-out"
	// NoticeCloseWindow follows an answer given for another device or window.
	NoticeCloseWindow Notice = "close-window"
	// NoticeCancelled follows a sign-in given up without a client to return to.
	NoticeCancelled Notice = "cancelled"
	// NoticeService stands where somebody comes without a transaction.
	NoticeService Notice = "service"
)
