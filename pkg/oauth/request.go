package oauth

import "strings"

// maxEchoBytes bounds what a client gives to have it returned.
const maxEchoBytes = 2048

// CheckState checks the state of an authorization request (RFC 6749
// Appendix A.5). An empty one is absent. Fails with invalid_request, and the
// answer then has no state.
func CheckState(state string) error {
	if len(state) > maxEchoBytes || !all(state, isVSCHAR) {
		return Refuse(InvalidRequest, "state must be at most 2048 printable ASCII characters")
	}
	return nil
}

// CheckNonce checks the nonce of an authentication request (OIDC Core
// §3.1.2.1), as [CheckState] does a state. Fails with invalid_request.
func CheckNonce(nonce string) error {
	if len(nonce) > maxEchoBytes || !all(nonce, isVSCHAR) {
		return Refuse(InvalidRequest, "nonce must be at most 2048 printable ASCII characters")
	}
	return nil
}

// CheckResource checks the form of one resource parameter: an absolute URI
// without a fragment (RFC 8707 §2). Whether there is such a resource is for the
// caller. Fails with invalid_target.
func CheckResource(resource string) error {
	u := splitURI(resource)
	web := u.scheme == "https" || u.scheme == "http"
	switch {
	case len(resource) > maxURIBytes:
		return Refuse(InvalidTarget, "resource is longer than 2048 bytes")
	case strings.Contains(resource, "#"):
		return Refuse(InvalidTarget, "resource must not have a fragment")
	case u.scheme == "" || u.authority+u.path == "" || !validURICharacters(resource):
		return Refuse(InvalidTarget, "resource must be an absolute URI")
	case web && u.authority == "":
		return Refuse(InvalidTarget, "resource must have a host")
	}
	return nil
}
