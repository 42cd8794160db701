package registration

import (
	"errors"
	"fmt"
	"strings"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// notItself is the one answer to whoever does not prove to be the client that the
// request is for (RFC 7592 §2). The cause is for the log; nil for the token of
// another client.
func notItself(cause error) error {
	return oauth.RefuseBecause(oauth.InvalidToken, "registration access token is not good for this client", cause)
}

// refuse turns what an operator would be told into the answer of RFC 7591 §3.2.2.
func refuse(doing string, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch f.Kind {
	case fault.Invalid:
		return oauth.RefuseBecause(codeOf(f.Message), f.Message, err)
	case fault.NotFound:
		return notItself(err)
	case fault.Exhausted:
		return oauth.RefuseBecause(oauth.TemporarilyUnavailable, "no more clients can register at present", err)
	case fault.Conflict:
		return oauth.RefuseBecause(oauth.TemporarilyUnavailable, "the client is being changed: try again", err)
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}

// codeOf is the error code for a message of a rule, which begins with the name of
// the field.
func codeOf(message string) oauth.ErrorCode {
	if strings.HasPrefix(message, "redirect_uris") {
		return oauth.InvalidRedirectURI
	}
	return oauth.InvalidClientMetadata
}
