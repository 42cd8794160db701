package openapi

import "maps"

// words describe parameters and members by their names, which mean the same
// wherever they stand.
func words() map[string]string {
	all := make(map[string]string)
	for _, part := range []map[string]string{requestWords(), authenticationWords(), tokenWords(), introspectionWords(), clientWords()} {
		maps.Copy(all, part)
	}
	return all
}

// requestWords are those of an authorization request.
func requestWords() map[string]string {
	return map[string]string{ //nolint:gosec // names, and no credentials
		"response_type":         "What is asked for: code (RFC 6749 §3.1.1).",
		"client_id":             "Identifier of the client (RFC 6749 §2.2).",
		"redirect_uri":          "Where the answer goes: one of the client's redirect URIs (RFC 6749 §3.1.2).",
		"scope":                 "Scope values, separated by spaces (RFC 6749 §3.3).",
		"state":                 "Returned in the answer as it is (RFC 6749 §4.1.1).",
		"nonce":                 "Returned in the ID token as it is (OIDC Core §3.1.2.1).",
		"code_challenge":        "SHA-256 of the code verifier in base64url (RFC 7636 §4.2).",
		"code_challenge_method": "S256 (RFC 7636 §4.3).",
		"prompt":                "none, login, consent and select_account, separated by spaces (OIDC Core §3.1.2.1).",
		"max_age":               "The longest time since the user signed in, in seconds (OIDC Core §3.1.2.1).",
		"login_hint":            "Who is likely to sign in (OIDC Core §3.1.2.1).",
		"id_token_hint":         "An ID token of who is to be signed in (OIDC Core §3.1.2.1).",
		"response_mode":         "query or form_post (OAuth 2.0 Form Post Response Mode §2).",
		"resource":              "URI of an API that the token is for (RFC 8707 §2).",
		"request":               "Not supported (OIDC Core §6.1).",
		"request_uri":           "What a pushed authorization request got (RFC 9126 §2.2).",
	}
}

// authenticationWords are those of client authentication.
func authenticationWords() map[string]string {
	return map[string]string{
		"client_secret":         "Secret of the client (RFC 6749 §2.3.1).",
		"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer (RFC 7523 §2.2).",
		"client_assertion":      "JWT that the client has signed (RFC 7523 §2.2).",
	}
}

// tokenWords are those of the token and revocation endpoints.
func tokenWords() map[string]string {
	return map[string]string{ //nolint:gosec // names, and no credentials
		"grant_type":      "authorization_code, refresh_token or client_credentials (RFC 6749 §4).",
		"code":            "Authorization code (RFC 6749 §4.1.3).",
		"code_verifier":   "What the code challenge was made of (RFC 7636 §4.5).",
		"refresh_token":   "Refresh token (RFC 6749 §6).",
		"access_token":    "Access token (RFC 6749 §1.4).",
		"token_type":      "Bearer (RFC 6750 §6.1.1).",
		"expires_in":      "Seconds from now (RFC 6749 §5.1).",
		"id_token":        "ID token (OIDC Core §2).",
		"token":           "The token in question (RFC 7009 §2.1, RFC 7662 §2.1).",
		"token_type_hint": "access_token or refresh_token (RFC 7009 §2.1).",
	}
}

// introspectionWords are those of an introspection response.
func introspectionWords() map[string]string {
	return map[string]string{
		"active":     "Whether the token is good (RFC 7662 §2.2).",
		"exp":        "When it expires, in Unix seconds (RFC 7662 §2.2).",
		"iat":        "When it was issued, in Unix seconds (RFC 7662 §2.2).",
		"sub":        "Who has granted it (RFC 7662 §2.2).",
		"aud":        "Whom it is for (RFC 7662 §2.2).",
		"iss":        "Who has issued it (RFC 7662 §2.2).",
		"jti":        "Identifier of the token (RFC 7662 §2.2).",
		"workspaces": "Workspaces that the user shares with the client. The scope of one is what holds there; without, all that the token has.",
		"projects":   "Projects that the user shares with the client. The scope of one is what holds there; without, all that the token has.",
		"id":         "Identifier of the workspace or project.",
		"role":       "viewer, member or admin: the lesser of what was granted and what the user is now.",
	}
}

// clientWords are those of client metadata.
func clientWords() map[string]string {
	return map[string]string{ //nolint:gosec // names, and no credentials
		"redirect_uris":                         "Where answers may go (RFC 7591 §2).",
		"token_endpoint_auth_method":            "How the client authenticates (RFC 7591 §2).",
		"token_endpoint_auth_methods_supported": "Every way in which the client can authenticate (OpenID Connect RP Metadata Choices 1.0 §2).",
		"grant_types":                           "Grant types that the client uses (RFC 7591 §2).",
		"response_types":                        "code, or nothing (RFC 7591 §2).",
		"client_name":                           "What users see (RFC 7591 §2).",
		"client_uri":                            "Home page of the client (RFC 7591 §2).",
		"logo_uri":                              "Kept and returned, and never fetched (RFC 7591 §2).",
		"tos_uri":                               "Terms of service (RFC 7591 §2).",
		"policy_uri":                            "Privacy policy (RFC 7591 §2).",
		"jwks":                                  "The client's public keys (RFC 7591 §2).",
		"jwks_uri":                              "Not supported (RFC 7591 §2).",
		"software_statement":                    "Not supported (RFC 7591 §2.3).",
		"application_type":                      "web or native (OpenID Connect Dynamic Client Registration 1.0 §2).",
		"id_token_signed_response_alg":          "RS256 or ES256 (OpenID Connect Dynamic Client Registration 1.0 §2).",
		"require_pushed_authorization_requests": "Refuse requests that were not pushed (RFC 9126 §6).",
		"subject_type":                          "public (OIDC Core §8).",
		"sector_identifier_uri":                 "Not supported (OIDC Core §8.1).",
	}
}
