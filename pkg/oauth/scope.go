package oauth

import (
	"slices"
	"strings"
)

// The limits of a scope parameter.
const (
	maxScopeBytes  = 4096
	maxScopeTokens = 200
)

// Scope is a set of scope tokens in the order in which they were first named.
// The zero value is the empty set. Two tokens are the same if their bytes are:
// no token stands for another by prefix or by case (RFC 6749 §3.3).
//
// No method changes its receiver or argument.
type Scope []string

// ParseScope reads a scope parameter. Tokens named twice collapse. An empty
// parameter is refused: whether an absent one has a default is for the caller.
// Fails with invalid_scope.
func ParseScope(s string) (Scope, error) {
	if len(s) > maxScopeBytes {
		return nil, Refuse(InvalidScope, "scope is longer than 4096 bytes")
	}
	tokens := strings.Split(s, " ")
	if len(tokens) > maxScopeTokens {
		return nil, Refuse(InvalidScope, "scope has more than 200 tokens")
	}
	scope := make(Scope, 0, len(tokens))
	for _, token := range tokens {
		if token == "" || !all(token, isNQCHAR) {
			return nil, Refuse(InvalidScope, "scope must be tokens separated by one space each")
		}
		if !scope.Contains(token) {
			scope = append(scope, token)
		}
	}
	return scope, nil
}

// String returns the scope as a parameter value; the empty set is "".
func (s Scope) String() string { return strings.Join(s, " ") }

// Contains reports whether the token name is in s.
func (s Scope) Contains(name string) bool { return slices.Contains(s, name) }

// SubsetOf reports whether every token of s is in other.
func (s Scope) SubsetOf(other Scope) bool {
	return !slices.ContainsFunc(s, func(name string) bool { return !other.Contains(name) })
}

// Intersect returns the tokens of s that are also in other, in the order of s.
func (s Scope) Intersect(other Scope) Scope { return s.keep(other.Contains) }

// Union returns the tokens of s, then those of other that are not in s.
func (s Scope) Union(other Scope) Scope {
	return slices.Concat(s, other.Without(s...))
}

// Without returns the tokens of s that are not among names.
func (s Scope) Without(names ...string) Scope {
	return s.keep(func(name string) bool { return !slices.Contains(names, name) })
}

// Equal reports whether s and other have the same tokens, in whatever order:
// order means nothing to OAuth (RFC 6749 §3.3).
func (s Scope) Equal(other Scope) bool { return s.SubsetOf(other) && other.SubsetOf(s) }

func (s Scope) keep(wanted func(string) bool) Scope {
	var kept Scope
	for _, name := range s {
		if wanted(name) {
			kept = append(kept, name)
		}
	}
	return kept
}
