package oauth_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// scopeOf returns n different tokens of the given length.
func scopeOf(n, length int) string {
	tokens := make([]string, n)
	for i := range tokens {
		tokens[i] = fmt.Sprintf("%0*d", length, i)
	}
	return strings.Join(tokens, " ")
}

func TestN023_ScopeSyntax(t *testing.T) {
	tests := []struct {
		name  string
		scope string
		want  oauth.ErrorCode
	}{
		{"one token", "openid", ""},
		{"two tokens", "openid profile", ""},
		{"every mark that is allowed", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~", ""},
		{"200 tokens", scopeOf(200, 3), ""},
		{"201 tokens", scopeOf(201, 3), oauth.InvalidScope},
		{"201 times one token", strings.TrimSpace(strings.Repeat("a ", 201)), oauth.InvalidScope},
		{"4096 bytes", strings.Repeat("a", 4096), ""},
		{"4097 bytes", strings.Repeat("a", 4097), oauth.InvalidScope},
		{"empty", "", oauth.InvalidScope},
		{"a space alone", " ", oauth.InvalidScope},
		{"leading space", " openid", oauth.InvalidScope},
		{"trailing space", "openid ", oauth.InvalidScope},
		{"two spaces", "openid  profile", oauth.InvalidScope},
		{"tab", "openid\tprofile", oauth.InvalidScope},
		{"trailing tab", "workspace:admin \t", oauth.InvalidScope},
		{"line feed", "openid\nprofile", oauth.InvalidScope},
		{"no-break space", "openid\u00a0profile", oauth.InvalidScope},
		{"quotation mark", `openid "x"`, oauth.InvalidScope},
		{"backslash", `openid \x`, oauth.InvalidScope},
		{"NUL", "openid\x00", oauth.InvalidScope},
		{"DEL", "openid\x7f", oauth.InvalidScope},
		{"not UTF-8", "openid\xff", oauth.InvalidScope},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := oauth.ParseScope(tt.scope)
			wantCode(t, err, tt.want)
		})
	}
}

func TestN023_ScopeTokensAreComparedWhole(t *testing.T) {
	s := oauth.Scope{"workspace:admin", "openid"}
	for name, want := range map[string]bool{
		"workspace:admin": true, "openid": true,
		"workspace:admi": false, "workspace:admin:x": false, "OpenID": false, "": false, "workspace:admin openid": false,
	} {
		if got := s.Contains(name); got != want {
			t.Errorf("Contains(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestScopeKeepsFirstOrderAndCollapses(t *testing.T) {
	s, err := oauth.ParseScope("c a c b a")
	if err != nil {
		t.Fatal(err)
	}
	if want := (oauth.Scope{"c", "a", "b"}); !slices.Equal(s, want) {
		t.Errorf("ParseScope() = %q, want %q", s, want)
	}
}

func TestScopeSets(t *testing.T) {
	ab, ba, bc, none := oauth.Scope{"a", "b"}, oauth.Scope{"b", "a"}, oauth.Scope{"b", "c"}, oauth.Scope(nil)
	results := []struct {
		name      string
		got, want oauth.Scope
	}{
		{"intersect", ab.Intersect(bc), oauth.Scope{"b"}},
		{"intersect keeps the order of the receiver", ba.Intersect(ab), ba},
		{"intersect with nothing", ab.Intersect(none), none},
		{"union", ab.Union(bc), oauth.Scope{"a", "b", "c"}},
		{"union with itself", ab.Union(ba), ab},
		{"union with nothing", ab.Union(none), ab},
		{"nothing with union", none.Union(ab), ab},
		{"without", ab.Without("a", "x"), oauth.Scope{"b"}},
		{"without no names", ab.Without(), ab},
		{"without all", ab.Without("a", "b"), none},
	}
	for _, r := range results {
		if !slices.Equal(r.got, r.want) {
			t.Errorf("%s = %q, want %q", r.name, r.got, r.want)
		}
	}
	relations := []struct {
		name      string
		got, want bool
	}{
		{"equal in another order", ab.Equal(ba), true},
		{"not equal to another of the same size", ab.Equal(bc), false},
		{"not equal to a greater", none.Equal(ab), false},
		{"not equal to a lesser", ab.Equal(none), false},
		{"subset of itself", ab.SubsetOf(ba), true},
		{"nothing is a subset", none.SubsetOf(ab), true},
		{"overlap is no subset", ab.SubsetOf(bc), false},
		{"superset is no subset", ab.SubsetOf(oauth.Scope{"a"}), false},
	}
	for _, r := range relations {
		if r.got != r.want {
			t.Errorf("%s: %v, want %v", r.name, r.got, r.want)
		}
	}
}

func TestScopeOperationsLeaveTheirOperandsAlone(t *testing.T) {
	backing := oauth.Scope{"a", "b", "c", "d"}
	s := backing[:2]
	_, _, _ = s.Union(oauth.Scope{"x", "y"}), s.Without("a"), s.Intersect(oauth.Scope{"b"})
	if want := (oauth.Scope{"a", "b", "c", "d"}); !slices.Equal(backing, want) {
		t.Errorf("operand became %q, want %q", backing, want)
	}
}

// What is parsed prints as what parses to the same, and no token can be taken
// for two.
func FuzzParseScope(f *testing.F) {
	for _, seed := range []string{"openid", "a b a", "a  b", " ", "x\ty", "workspace:*"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		scope, err := oauth.ParseScope(s)
		if err != nil {
			wantCode(t, err, oauth.InvalidScope)
			return
		}
		again, err := oauth.ParseScope(scope.String())
		if err != nil || !slices.Equal(again, scope) {
			t.Errorf("ParseScope(%q) = %q, %v, want %q", scope.String(), again, err, scope)
		}
		for _, token := range scope {
			if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
				t.Errorf("ParseScope(%q) has the token %q", s, token)
			}
		}
	})
}
