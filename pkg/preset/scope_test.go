package preset_test

import (
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

func TestScopesThatStandForOthers(t *testing.T) {
	scopes := append(preset.Default().Scopes, preset.Scope{Name: "image:tag", Kind: preset.Workspace})
	for _, tt := range []struct{ scope, implied, highest, common string }{
		{"", "", "", ""},
		{"openid", "openid", "openid", "openid"},
		{"workspace:admin", "workspace:admin workspace:member workspace:viewer", "workspace:admin", "workspace:admin"},
		{"workspace:viewer workspace:admin", "workspace:viewer workspace:admin workspace:member", "workspace:admin", "workspace:viewer"},
		{"workspace:member workspace:admin", "workspace:member workspace:admin workspace:viewer", "workspace:admin", "workspace:member"},
		{"workspace:viewer image:tag", "workspace:viewer image:tag", "workspace:viewer image:tag", ""},
		{"workspace:viewer project:viewer", "workspace:viewer project:viewer", "workspace:viewer project:viewer", ""},
		{"unheard_of", "unheard_of", "unheard_of", "unheard_of"},
	} {
		scope := oauth.Scope(strings.Fields(tt.scope))
		for name, got := range map[string][2]string{
			"Implied": {scopes.Implied(scope).String(), tt.implied},
			"Highest": {scopes.Highest(scope).String(), tt.highest},
			"Common":  {scopes.Common(scope).String(), tt.common},
		} {
			if got[0] != got[1] {
				t.Errorf("%s(%q) = %q, want %q", name, tt.scope, got[0], got[1])
			}
		}
	}
}

func TestN302_AScopeStandsForNoMoreThanItIs(t *testing.T) {
	for name, tt := range map[string]struct{ low, high, want string }{
		"a higher level":   {"implies: [high]", "", "scopes[1].implies[0]: has a higher level"},
		"each other":       {"implies: [high]", "implies: [low]", "scopes[2].implies[0]: implies this one in turn"},
		"the same twice":   {"", "implies: [low, low]", "scopes[2].implies[1]: is there twice"},
		"what is below it": {"", "implies: [low]", ""},
	} {
		_, err := preset.Parse("f", []byte(`name: acme
scopes:
  - {name: openid, kind: identity, description: Know you, group: You}
  - {name: low, kind: workspace, level: viewer, description: Low, group: Work, `+tt.low+`}
  - {name: high, kind: workspace, level: admin, description: High, group: Work, `+tt.high+`}
`))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Parse() = %v, want %q", name, err, tt.want)
		}
	}
}
