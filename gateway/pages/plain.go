package pages

import (
	"strings"
	"unicode"
)

// longestText is in characters. Longer text is cut: no name that a person
// recognises is longer, and one that is must not push the buttons away.
const longestText = 300

// plain returns s as one line without the characters that are seen only by
// their effect on others: controls, direction overrides, zero-width spaces.
// The joiners that Persian and Indic scripts need stay.
func plain(s string) string {
	var out strings.Builder
	kept, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = kept > 0
			continue
		}
		if invisible(r) {
			continue
		}
		if kept == longestText {
			out.WriteString("…")
			break
		}
		if space {
			out.WriteByte(' ')
			space = false
		}
		out.WriteRune(r)
		kept++
	}
	return out.String()
}

func invisible(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	if r == nonJoiner || r == joiner {
		return false
	}
	return unicode.Is(unicode.C, r)
}

// initial returns the first letter or digit of s in upper case, for the
// picture of something that has none. It is empty if there is no such letter.
func initial(s string) string {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return ""
}
