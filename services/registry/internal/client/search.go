package client

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxSortKey keeps a page token, which names a place by it, within its length.
const maxSortKey = 256 // bytes

// SortKey is the client's place in a list by name: the name, or its beginning,
// without regard to case. Stores order it by its bytes.
func (c Client) SortKey() string { return sortKey(fold(c.ClientName)) }

// sortKey is as much of a folded name as counts.
func sortKey(key string) string {
	if len(key) <= maxSortKey {
		return key
	}
	end := maxSortKey
	for !utf8.RuneStart(key[end]) {
		end--
	}
	return key[:end]
}

// SearchText is what a search looks into, without regard to case.
func (c Client) SearchText() string { return fold(c.ClientName) + "\n" + fold(c.Description) }

// words are what must each be in the search text of what query finds. A control
// character is in none, and databases do not take them all: it separates.
func words(query string) []string {
	return strings.FieldsFunc(fold(query), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}

func fold(s string) string { return norm.NFC.String(cases.Fold().String(s)) }
