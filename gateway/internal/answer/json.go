package answer

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// FailJSON writes the error response of RFC 6749 §5.2, or that of RFC 6750 §3 to a
// caller who has shown an access token (RFC 7662 §2.3).
func (a *Answers) FailJSON(w http.ResponseWriter, r *http.Request, err error) {
	refusal := RefusalOf(err)
	if refusal.Code == oauth.InvalidToken || refusal.Code == oauth.InsufficientScope {
		a.FailBearer(w, r, err)
		return
	}
	if after := FaultOf(err).RetryAfter; after > 0 {
		edge.SetRetryAfter(w, after)
		RefuseJSON(w, r, edge.Refusal{Status: http.StatusTooManyRequests, Description: FaultOf(err).Message})
		return
	}
	a.warnOf(r, refusal.Code, err)
	status := statusOf(refusal.Code)
	if status == http.StatusUnauthorized {
		// RFC 9110 §15.5.2 wants a challenge with every 401, also where the client
		// had authenticated itself in the body.
		w.Header().Set("WWW-Authenticate", `Basic realm="`+a.Issuer+`"`)
	}
	writeError(w, status, refusal)
}

// FailBearer writes the error of RFC 6750 §3. Its values have no character that
// would end a quoted string.
func (a *Answers) FailBearer(w http.ResponseWriter, r *http.Request, err error) {
	refusal := RefusalOf(err)
	a.warnOf(r, refusal.Code, err)
	status := statusOf(refusal.Code)
	if status < http.StatusInternalServerError {
		challenge := `, error="` + string(refusal.Code) + `"`
		if d := describe(refusal); d != "" {
			challenge += `, error_description="` + d + `"`
		}
		a.Challenge(w, challenge)
	}
	writeError(w, status, refusal)
}

// Challenge asks for a token (RFC 6750 §3). Rest is what follows the realm.
func (a *Answers) Challenge(w http.ResponseWriter, rest string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="`+a.Issuer+`"`+rest)
}

// FailClosed writes that the truth is not to be had, whatever else err says.
func (a *Answers) FailClosed(w http.ResponseWriter, r *http.Request, err error) {
	refusal := RefusalOf(err)
	a.warnOf(r, refusal.Code, err)
	writeError(w, max(http.StatusInternalServerError, statusOf(refusal.Code)), refusal)
}

// RefuseJSON writes a refusal of the edge where programs call.
func RefuseJSON(w http.ResponseWriter, _ *http.Request, f edge.Refusal) {
	writeError(w, f.Status, &oauth.Error{Code: codeOf(f.Status), Description: f.Description})
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

// setRetryAfter says when to try again what is not available, unless that is said.
func setRetryAfter(w http.ResponseWriter, status int) {
	if status == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "1")
	}
}

func writeError(w http.ResponseWriter, status int, refusal *oauth.Error) {
	setRetryAfter(w, status)
	_ = WriteJSON(w, status, struct { // It has nothing that JSON cannot say.
		Error       oauth.ErrorCode `json:"error"`
		Description string          `json:"error_description,omitempty"`
	}{refusal.Code, describe(refusal)})
}

// WriteJSON writes v. Fails, with nothing written, for what has no form in JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // A client that is gone needs no answer.
	return nil
}
