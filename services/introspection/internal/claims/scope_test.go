package claims

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// OIDC Core §5.4.
func TestScopeOpensItsClaimsOnly(t *testing.T) {
	all := map[string]any{
		"name": "N", "updated_at": 1.0, "email": "e@x.test", "email_verified": true, "phone_number": "1", "phone_number_verified": false,
		"address": map[string]any{"country": "NO"}, "sub": "forged", "admin": true, "password": "p",
	}
	tests := []struct {
		scope oauth.Scope
		want  map[string]any
	}{
		{nil, map[string]any{}},
		{oauth.Scope{"openid"}, map[string]any{}},
		{oauth.Scope{"openid", "workspace:admin", "offline_access"}, map[string]any{}},
		{oauth.Scope{"profile"}, map[string]any{"name": "N", "updated_at": 1.0}},
		{oauth.Scope{"email"}, map[string]any{"email": "e@x.test", "email_verified": true}},
		{oauth.Scope{"phone"}, map[string]any{"phone_number": "1", "phone_number_verified": false}},
		{oauth.Scope{"address"}, map[string]any{"address": map[string]any{"country": "NO"}}},
		{oauth.Scope{"email", "address"}, map[string]any{"email": "e@x.test", "email_verified": true, "address": map[string]any{"country": "NO"}}},
	}
	for _, tt := range tests {
		t.Run(tt.scope.String(), func(t *testing.T) {
			if diff := cmp.Diff(tt.want, filter(preset.Default().Scopes, tt.scope, all)); diff != "" {
				t.Errorf("filter() (-want +got):\n%s", diff)
			}
		})
	}
	if got := filter(preset.Default().Scopes, oauth.Scope{"email"}, nil); len(got) != 0 {
		t.Errorf("filter() = %v of nothing", got)
	}
}

func TestPresetSaysWhichClaimsAScopeOpens(t *testing.T) {
	scopes := preset.Catalogue{
		{Name: "openid", Kind: preset.Identity},
		{Name: "email", Kind: preset.Identity, Claims: []string{"email"}},
		{Name: "staff", Kind: preset.Identity, Claims: []string{"department", "email"}},
	}
	all := map[string]any{"email": "e@x.test", "email_verified": true, "department": "R", "name": "N"}
	for scope, want := range map[string]map[string]any{
		"openid":      {},
		"email":       {"email": "e@x.test"},
		"profile":     {},
		"staff":       {"email": "e@x.test", "department": "R"},
		"email staff": {"email": "e@x.test", "department": "R"},
	} {
		asked, err := oauth.ParseScope(scope)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, filter(scopes, asked, all)); diff != "" {
			t.Errorf("filter(%s) (-want +got):\n%s", scope, diff)
		}
	}
}
