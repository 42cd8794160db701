package client

import (
	"crypto/sha256"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.mau.fi/util/confusable"
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
// vouch for them, from speaking in the platform's name.
func nameIsNotThePlatforms(c Client, p Policy) error {
	bears := strings.Contains(plain(c.ClientName), plain(p.Brand)) || strings.Contains(skeleton(c.ClientName), skeleton(p.Brand))
	if p.Brand != "" && bears && !c.VouchedFor() {
		return fault.New(fault.Invalid, "client_name of an unverified client, or of one that a workspace owns or that registered itself, must not contain the platform's name")
	}
	return nil
}

// VouchedFor reports whether the client is the operators' own, and they vouch for it.
// The preset may count others as vetted that nobody has looked at.
func (c Client) VouchedFor() bool { return c.OfOperators() && c.Vetted }

// plain is what a name reads as in letters of one case, width and style: Unicode
// has those of the Latin alphabet a dozen times.
func plain(name string) string { return fold(norm.NFKC.String(name)) }

// skeleton is one text for all names that look the same (Unicode UTS 39), also in letters
// of another case: what looks alike in one case need not in the other. An i and an l
// become the same, because of the capital I.
func skeleton(name string) string {
	for range 2 {
		name = plain(confusable.Skeleton(name))
	}
	return strings.ReplaceAll(name, "i", "l")
}

// NameSkeleton is the same for names that look the same. It is stored: a migration has
// to empty the column name_skeleton when a name gets another one.
func (c Client) NameSkeleton() []byte {
	digest := sha256.Sum256([]byte(skeleton(c.ClientName)))
	return digest[:]
}
