package oauth

import "fmt"

// ErrorCode is the value of the error parameter that a client reads. It is
// itself an error, so that errors.Is(err, oauth.InvalidGrant) asks for it.
type ErrorCode string

// Error returns the code as it is sent.
func (c ErrorCode) Error() string { return string(c) }

// Of the token endpoint (RFC 6749 §5.2); the authorization endpoint uses some
// of them too (RFC 6749 §4.1.2.1).
const (
	InvalidRequest       ErrorCode = "invalid_request"
	InvalidClient        ErrorCode = "invalid_client"
	InvalidGrant         ErrorCode = "invalid_grant"
	UnauthorizedClient   ErrorCode = "unauthorized_client"
	UnsupportedGrantType ErrorCode = "unsupported_grant_type"
	InvalidScope         ErrorCode = "invalid_scope"
)

// Of the authorization endpoint (RFC 6749 §4.1.2.1).
const (
	AccessDenied            ErrorCode = "access_denied"
	UnsupportedResponseType ErrorCode = "unsupported_response_type"
	ServerError             ErrorCode = "server_error"
	TemporarilyUnavailable  ErrorCode = "temporarily_unavailable"
)

// Of an OpenID Connect authentication request (OIDC Core §3.1.2.6).
const (
	LoginRequired            ErrorCode = "login_required"
	ConsentRequired          ErrorCode = "consent_required"
	InteractionRequired      ErrorCode = "interaction_required"
	AccountSelectionRequired ErrorCode = "account_selection_required"
	InvalidRequestURI        ErrorCode = "invalid_request_uri"
	RequestNotSupported      ErrorCode = "request_not_supported"
	RequestURINotSupported   ErrorCode = "request_uri_not_supported"
	RegistrationNotSupported ErrorCode = "registration_not_supported"
)

// InvalidTarget refuses a resource parameter (RFC 8707 §2).
const InvalidTarget ErrorCode = "invalid_target"

// Of a protected resource (RFC 6750 §3.1).
const (
	InvalidToken      ErrorCode = "invalid_token"
	InsufficientScope ErrorCode = "insufficient_scope"
)

// Of client registration (RFC 7591 §3.2.2).
const (
	InvalidRedirectURI       ErrorCode = "invalid_redirect_uri"
	InvalidClientMetadata    ErrorCode = "invalid_client_metadata"
	InvalidSoftwareStatement ErrorCode = "invalid_software_statement"
)

// Of a device that polls the token endpoint (RFC 8628 §3.5).
const (
	AuthorizationPending ErrorCode = "authorization_pending"
	SlowDown             ErrorCode = "slow_down"
	ExpiredToken         ErrorCode = "expired_token"
)

// Error is a refusal the client is told about. Anything else that goes wrong
// stays a plain error, and reaches the client as server_error with no detail.
type Error struct {
	Code ErrorCode
	// Description is sent to the client: no secret, no input, no internal name,
	// and only the characters of RFC 6749 §5.2.
	Description string
	cause       error // logged, never sent
}

// Refuse returns an *[Error] as an error. The description is written for the
// client's developer.
func Refuse(code ErrorCode, description string) error {
	return &Error{Code: code, Description: description}
}

// RefuseBecause is [Refuse] with a cause for the log. A nil cause is none.
func RefuseBecause(code ErrorCode, description string, cause error) error {
	return &Error{Code: code, Description: description, cause: cause}
}

// Error is for the log: it includes the cause, which the client must not see.
func (e *Error) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("%s: %s", e.Code, e.Description)
	}
	return fmt.Sprintf("%s: %s: %v", e.Code, e.Description, e.cause)
}

// Unwrap makes both the code and the cause visible to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.cause}
}
