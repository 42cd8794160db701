package edge

import "strings"

// pattern is a path one segment of which is a name in braces.
type pattern struct {
	before, name, after string
	route               *Route
}

// newPattern takes the path of route apart. ok tells whether it has a name.
func newPattern(route *Route) (p pattern, ok bool) {
	before, rest, opened := strings.Cut(route.Path, "{")
	name, after, closed := strings.Cut(rest, "}")
	return pattern{before, name, after, route}, opened && closed
}

// match returns the word that path has in the place of the name.
func (p pattern) match(path string) (word string, ok bool) {
	rest, ok := strings.CutPrefix(path, p.before)
	if !ok {
		return "", false
	}
	word, ok = strings.CutSuffix(rest, p.after)
	return word, ok && isSegment(word)
}

// isSegment reports whether s is made of unreserved characters, and leads nowhere
// else as a segment of a path.
func isSegment(s string) bool {
	return s != "" && s != "." && s != ".." && IsWord(s, "-._~")
}

// IsWord reports whether s is made of ASCII letters, digits and marks only.
func IsWord(s, marks string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		digit := '0' <= c && c <= '9'
		return !letter && !digit && !strings.ContainsRune(marks, c)
	})
}
