package oauth

import (
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
)

// Grant types, as the grant_type parameter names them.
const (
	GrantAuthorizationCode = "authorization_code"                           // RFC 6749 §4.1.3
	GrantRefreshToken      = "refresh_token"                                // RFC 6749 §6
	GrantClientCredentials = "client_credentials"                           // RFC 6749 §4.4.2
	GrantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code" // RFC 8628 §3.4
)

// Client authentication methods, as token_endpoint_auth_method names them
// (RFC 7591 §2, OIDC Core §9).
const (
	AuthNone              = "none"
	AuthClientSecretBasic = "client_secret_basic"
	AuthClientSecretPost  = "client_secret_post"
	AuthPrivateKeyJWT     = "private_key_jwt"
)

// AuthMethodKnown reports whether clients can authenticate by the method.
func AuthMethodKnown(method string) bool {
	switch method {
	case AuthNone, AuthClientSecretBasic, AuthClientSecretPost, AuthPrivateKeyJWT:
		return true
	}
	return false
}

// AuthMethods returns every method by which a client can authenticate: its
// token_endpoint_auth_method is among its token_endpoint_auth_methods_supported
// (OIDC RP Metadata Choices §2), or is the only one.
func AuthMethods(method string, supported []string) []string {
	if slices.Contains(supported, method) {
		return supported
	}
	return []string{method}
}

// AssertionTypeJWT is the client_assertion_type of [AuthPrivateKeyJWT]
// (RFC 7523 §2.2).
const AssertionTypeJWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// ApplicationType is what kind of program a client is (OpenID Connect Dynamic
// Client Registration 1.0 §2). It decides which redirect URIs it may have.
type ApplicationType string

const (
	// ApplicationWeb runs on a web server or in a browser.
	ApplicationWeb ApplicationType = "web"
	// ApplicationNative runs on the user's own device (RFC 8252).
	ApplicationNative ApplicationType = "native"
)

// maxBasicBytes bounds an Authorization header.
const maxBasicBytes = 8192

// ParseBasic reads client_id and client_secret from the value of an
// Authorization header. Both are form-encoded before they are joined
// (RFC 6749 §2.3.1), which net/http's BasicAuth does not undo.
//
// The id is not empty. The secret may be, and is a secret all the same: it does
// not mean that none was presented. Fails with invalid_client.
func ParseBasic(header string) (id, secret string, err error) {
	id, secret, err = decodeBasic(header)
	if err != nil {
		return "", "", RefuseBecause(InvalidClient, "Authorization header must have Basic credentials of client_id and client_secret", err)
	}
	return id, secret, nil
}

// decodeBasic says what is wrong for the log, without the credentials in it.
func decodeBasic(header string) (id, secret string, err error) {
	if len(header) > maxBasicBytes {
		return "", "", errors.New("header is longer than 8192 bytes")
	}
	// RFC 9110 §11.1, §11.4.
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", errors.New("scheme is not Basic")
	}
	token = strings.TrimLeft(token, " ")
	userPass, err := base64.StdEncoding.Strict().DecodeString(token)
	// The decoder skips line breaks.
	if err != nil || strings.ContainsAny(token, "\r\n") {
		return "", "", errors.New("credentials are not Base64")
	}
	id, secret, found := strings.Cut(string(userPass), ":")
	if !found || id == "" {
		return "", "", errors.New("credentials have no client_id or no colon")
	}
	id, idErr := url.QueryUnescape(id)
	secret, secretErr := url.QueryUnescape(secret)
	if idErr != nil || secretErr != nil {
		return "", "", errors.New("credentials are not form-encoded")
	}
	// RFC 6749 Appendix A.1, A.2. It keeps NUL and broken UTF-8 from the stores.
	if !all(id, isVSCHAR) || !all(secret, isVSCHAR) {
		return "", "", errors.New("credentials have a character outside printable ASCII")
	}
	return id, secret, nil
}
