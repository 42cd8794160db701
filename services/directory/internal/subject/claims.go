package subject

import (
	"encoding/json"
	"strings"

	"github.com/chancery-auth/chancery/pkg/fault"
)

// maxClaims is the size of claims as compact JSON, in bytes.
const maxClaims = 16 << 10

// Claims are what is known of a subject beside its sub: those of OIDC Core §5.1,
// and others, which are not looked at. Values are those of encoding/json. The
// zero value has none.
type Claims map[string]any

// Types of the standard claims (OIDC Core §5.1).
func claimHasType(name string, value any) (want string, ok bool) {
	switch name {
	case "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
		"website", "email", "gender", "birthdate", "zoneinfo", "locale", "phone_number":
		_, ok = value.(string)
		return "text", ok
	case "email_verified", "phone_number_verified":
		_, ok = value.(bool)
		return "true or false", ok
	case "updated_at":
		_, ok = value.(float64)
		return "a number", ok
	case "address":
		_, ok = value.(map[string]any)
		return "an object", ok
	default:
		return "", true
	}
}

// reserved are claims that a token makes about itself (RFC 7519 §4.1, OIDC Core
// §2, RFC 7800 §3.1): as claims about a user they would forge it.
func reserved(name string) bool {
	switch name {
	case "sub", "iss", "aud", "exp", "nbf", "iat", "jti",
		"auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "s_hash", "sid", "cnf":
		return true
	default:
		return false
	}
}

// ParseClaims checks claims that are to be stored. Fails with fault.Invalid.
func ParseClaims(claims map[string]any) (Claims, error) {
	for name, value := range claims {
		if err := checkClaim(name, value); err != nil {
			return nil, err
		}
	}
	encoded, err := json.Marshal(claims)
	if err != nil {
		return nil, fault.Because(fault.Invalid, "claims must be a JSON object", err)
	}
	if len(encoded) > maxClaims {
		return nil, fault.New(fault.Invalid, "claims must be at most 16 KiB of JSON")
	}
	return claims, nil
}

func checkClaim(name string, value any) error {
	// A claim may come in several languages: "name#ja" (OIDC Core §5.2).
	plain, _, _ := strings.Cut(name, "#")
	switch {
	case plain == "":
		return fault.New(fault.Invalid, "claims must have names")
	case reserved(plain):
		return fault.New(fault.Invalid, "claims must not contain "+plain+", which is not about a user")
	}
	if want, ok := claimHasType(plain, value); !ok {
		return fault.New(fault.Invalid, "claim "+plain+" must be "+want)
	}
	return nil
}

// MarshalText returns the compact JSON of the claims, for a store.
func (c Claims) MarshalText() ([]byte, error) {
	if c == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(map[string]any(c))
}

// UnmarshalText is the inverse of [Claims.MarshalText].
func (c *Claims) UnmarshalText(text []byte) error {
	return json.Unmarshal(text, (*map[string]any)(c))
}
