// Package claims says what the holder of an access token may know about its
// subject: the claims that the scope of the token opens, and no other.
package claims

import (
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// filter returns those of all that scope opens (OIDC Core §5.4). It returns a new
// map.
func filter(scopes preset.Catalogue, scope oauth.Scope, all map[string]any) map[string]any {
	kept := make(map[string]any)
	for _, name := range scopes.Claims(scope) {
		if value, ok := all[name]; ok {
			kept[name] = value
		}
	}
	return kept
}
