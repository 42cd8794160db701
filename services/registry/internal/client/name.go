package client

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/chancery-auth/chancery/pkg/fault"
)

const (
	maxNameLength = 120 // in code points
	maxMarks      = 4   // non-spacing, on one letter (Unicode UTS 39)
)

// nameReadsAsWritten keeps a name from looking like another on the consent
// page: the user has little else to recognise the client by (RFC 9700 §4.15).
func nameReadsAsWritten(c Client, _ Policy) error {
	name := c.ClientName
	switch {
	case !utf8.ValidString(name) || name == "" || utf8.RuneCountInString(name) > maxNameLength:
		return fault.New(fault.Invalid, "client_name must have 1 to 120 characters")
	case !norm.NFC.IsNormalString(name):
		return fault.New(fault.Invalid, "client_name must be in Unicode normalization form C")
	case strings.ContainsFunc(name, invisible):
		return fault.New(fault.Invalid, "client_name must not have control, direction, zero-width or invisible characters, nor spaces other than the ordinary one")
	case strings.TrimSpace(name) != name || strings.Contains(name, "  "):
		return fault.New(fault.Invalid, "client_name must not begin or end with a space, nor have two in a row")
	case !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }):
		return fault.New(fault.Invalid, "client_name must have a letter or digit")
	case stacksMarks(name):
		return fault.New(fault.Invalid, "client_name must not begin with a combining mark, nor have more than four in a row")
	case mixesScripts(name):
		return fault.New(fault.Invalid, "client_name must not mix look-alike alphabets, such as Latin and Cyrillic, in one word")
	}
	return nil
}

// invisible reports whether r leaves no mark of its own on the page, or moves
// those of others.
func invisible(r rune) bool {
	if r == ' ' {
		return false
	}
	return unicode.In(r, unicode.C, unicode.Z, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		r == '\u2800' // a Braille pattern without dots
}

func stacksMarks(name string) bool {
	run := maxMarks // so that a mark has nothing to begin on
	for _, r := range name {
		switch {
		case !unicode.In(r, unicode.Mn, unicode.Me):
			run = 0
		case run == maxMarks:
			return true
		default:
			run++
		}
	}
	return false
}

// lookAlikes are the alphabets that have letters of one shape (Unicode UTS 39).
func lookAlikes() []*unicode.RangeTable {
	return []*unicode.RangeTable{
		unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu,
	}
}

// mixesScripts reports whether a word of name has letters of two look-alike
// alphabets. A name may have words of several.
func mixesScripts(name string) bool {
	words := strings.FieldsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r)
	})
	for _, word := range words {
		alphabets := 0
		for _, alphabet := range lookAlikes() {
			if strings.ContainsFunc(word, func(r rune) bool { return unicode.Is(alphabet, r) }) {
				alphabets++
			}
		}
		if alphabets > 1 {
			return true
		}
	}
	return false
}

// nameIsNotThePlatforms keeps all but the operators' own clients, as far as they
// vouch for them, from speaking in the platform's name. The preset may count others
// as vetted that nobody has looked at.
func nameIsNotThePlatforms(c Client, p Policy) error {
	own := c.OfOperators() && c.Vetted
	if !own && p.Brand != "" && strings.Contains(plain(c.ClientName), plain(p.Brand)) {
		return fault.New(fault.Invalid, "client_name of an unverified client, or of one that a workspace owns or that registered itself, must not contain the platform's name")
	}
	return nil
}

// plain is what a name reads as in letters of one case, width and style: Unicode
// has those of the Latin alphabet a dozen times.
func plain(name string) string { return fold(norm.NFKC.String(name)) }
