// Package claims says what the holder of an access token may know about its
// subject: the claims that the scope of the token opens, and no other.
package claims

import (
	"slices"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// opened is the claims that each scope value opens (OIDC Core §5.4).
func opened(scope string) []string {
	switch scope {
	case "profile":
		return []string{
			"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile",
			"picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
		}
	case "email":
		return []string{"email", "email_verified"}
	case "phone":
		return []string{"phone_number", "phone_number_verified"}
	case "address":
		return []string{"address"}
	default:
		return nil
	}
}

// filter returns those of all that scope opens. It returns a new map.
func filter(scope oauth.Scope, all map[string]any) map[string]any {
	kept := make(map[string]any)
	for name, value := range all {
		if slices.ContainsFunc(scope, func(s string) bool { return slices.Contains(opened(s), name) }) {
			kept[name] = value
		}
	}
	return kept
}
