// Package form reads application/x-www-form-urlencoded parameters, of a query
// or of a body, as OAuth needs them: nothing is guessed, nothing is lost, and
// nothing is decoded twice.
//
// It tells which names came more than once; whether that is a mistake is for
// the endpoint to say. The one thing to get right is that it never accepts
// what another parser would read differently: the value that was checked must
// be the value that is used.
package form

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// Limits bound what is read. The zero value lets nothing pass.
type Limits struct {
	// Parameters is how many there may be.
	Parameters int
	// Value is the length of one name or value in bytes, as sent.
	Value int
	// Long has the parameters that may have longer values, with their bounds.
	Long map[string]int
}

// Parameter is one name and its value, decoded.
type Parameter struct {
	Name, Value string
}

// Values are parameters in the order in which they came.
type Values []Parameter

// Parse reads raw. Fails with invalid_request: for a limit that is passed, for
// a semicolon, which some parsers take for a separator, for a broken escape,
// and for what is not UTF-8 or has a NUL, which the stores behind would refuse.
func Parse(raw string, limits Limits) (Values, error) {
	// The count comes first, so that a flood costs neither memory nor hashing.
	if strings.Count(raw, "&") >= limits.Parameters {
		return nil, oauth.Refuse(oauth.InvalidRequest, "request has too many parameters")
	}
	if strings.Contains(raw, ";") {
		return nil, oauth.Refuse(oauth.InvalidRequest, "a semicolon in a parameter must be percent-encoded")
	}
	var values Values
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		p, err := parsePair(pair, limits)
		if err != nil {
			return nil, err
		}
		values = append(values, p)
	}
	return values, nil
}

func parsePair(pair string, limits Limits) (Parameter, error) {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	name, err := unescape(rawName, limits.Value)
	if err != nil {
		return Parameter{}, err
	}
	limit := max(limits.Value, limits.Long[name])
	value, err := unescape(rawValue, limit)
	if err != nil {
		return Parameter{}, err
	}
	return Parameter{name, value}, nil
}

func unescape(raw string, limit int) (string, error) {
	if len(raw) > limit {
		return "", oauth.Refuse(oauth.InvalidRequest, "a parameter is too long")
	}
	s, err := url.QueryUnescape(raw)
	if err != nil {
		return "", oauth.Refuse(oauth.InvalidRequest, "a parameter has a broken percent-encoding")
	}
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return "", oauth.Refuse(oauth.InvalidRequest, "a parameter is not UTF-8, or has a NUL")
	}
	return s, nil
}

// Get returns the first value of name, empty if there is none.
func (v Values) Get(name string) string {
	for _, p := range v {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// All returns every value of name, empty ones too.
func (v Values) All(name string) []string {
	var all []string
	for _, p := range v {
		if p.Name == name {
			all = append(all, p.Value)
		}
	}
	return all
}

// Repeated returns the names that came more than once, each one time, but not
// those that mayRepeat allows. A parameter sent without a value counts: one
// parser takes the first of two, another one the last.
func (v Values) Repeated(mayRepeat func(name string) bool) []string {
	seen := make(map[string]int, len(v))
	var repeated []string
	for _, p := range v {
		seen[p.Name]++
		if seen[p.Name] == 2 && !mayRepeat(p.Name) {
			repeated = append(repeated, p.Name)
		}
	}
	return repeated
}
