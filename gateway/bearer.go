package gateway

import (
	"net/http"
	"strings"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// maxTokenBytes is above every token there is.
const maxTokenBytes = 2 << 10

// bearer returns the token of the Authorization header (RFC 6750 §2.1), empty
// if there is none. Fails with invalid_request for a header that is broken, and
// with invalid_token for a token that cannot be one.
func bearer(r *http.Request) (string, error) {
	header, err := authorizationHeader(r)
	if err != nil {
		return "", err
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	token = strings.TrimLeft(token, " ")
	if token == "" {
		return "", oauth.Refuse(oauth.InvalidRequest, "Authorization header has no token")
	}
	return token, checkToken(token)
}

// checkToken accepts the characters of RFC 6750 §2.1.
func checkToken(token string) error {
	if len(token) > maxTokenBytes || !isWord(token, "-._~+/=") {
		return oauth.Refuse(oauth.InvalidToken, "token is not valid")
	}
	return nil
}
