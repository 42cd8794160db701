package resourceserver

import (
	"net/url"
	"strings"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// maxTokenBytes is above every token there is.
const maxTokenBytes = 2 << 10

// accessTokenParameter is how a token would be named in a query or a form
// (RFC 6750 §2.2, §2.3).
const accessTokenParameter = "access_token"

// bearerToken returns the token of the Authorization headers (RFC 6750 §2.1), and
// none if there is no header, or one of another scheme. Fails with invalid_request
// for headers that cannot be told apart, and with invalid_token for a text that no
// token can be.
func bearerToken(headers []string) (string, error) {
	switch len(headers) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", oauth.Refuse(oauth.InvalidRequest, "Authorization header comes more than once")
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	token = strings.TrimLeft(token, " ")
	if token == "" {
		return "", oauth.Refuse(oauth.InvalidRequest, "Authorization header has no token")
	}
	if !isToken(token) {
		return "", oauth.Refuse(oauth.InvalidToken, "access token is not active")
	}
	return token, nil
}

// isToken accepts b64token of RFC 6750 §2.1.
func isToken(text string) bool {
	body := strings.TrimRight(text, "=")
	return body != "" && len(text) <= maxTokenBytes && !strings.ContainsFunc(body, func(c rune) bool {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		digit := '0' <= c && c <= '9'
		return !letter && !digit && !strings.ContainsRune("-._~+/", c)
	})
}

// namesToken reports whether a query or form has a parameter for a token. What is
// malformed elsewhere in it does not hide one.
func namesToken(encoded string) bool {
	for pair := range strings.FieldsFuncSeq(encoded, func(c rune) bool { return c == '&' || c == ';' }) {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err == nil && name == accessTokenParameter {
			return true
		}
	}
	return false
}
