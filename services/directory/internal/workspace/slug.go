package workspace

import (
	"crypto/rand"
	"strings"

	"github.com/chancery-auth/chancery/pkg/fault"
)

// maxSlug is the length of a slug: that of a DNS label (RFC 1035 §2.3.4), so that a
// platform may put it into a host name.
const maxSlug = 63

// checkSlug reports whether an operator may choose the slug. Fails with
// fault.Invalid.
func checkSlug(slug string) error {
	if len(slug) > maxSlug || strings.ContainsFunc(slug, func(r rune) bool { return r != '-' && !plain(r) }) ||
		slug == "" || strings.Trim(slug, "-") != slug {
		return fault.New(fault.Invalid, "slug must be 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end")
	}
	return nil
}

// plain reports whether r is a letter or digit of a slug.
func plain(r rune) bool { return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' }

// slugOf makes a slug of a name: its letters and digits of ASCII, with one hyphen
// for whatever is between them.
func slugOf(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !plain(r) })
	return cut(strings.Join(words, "-"), maxSlug)
}

// extended returns the slug with n random characters at its end, at most 26, which
// are as good as an id.
func extended(slug string, n int) string {
	if n == 0 {
		return slug
	}
	return cut(slug, maxSlug-1-n) + "-" + strings.ToLower(rand.Text()[:n])
}

// cut shortens a slug. Nothing is "workspace".
func cut(slug string, length int) string {
	slug = strings.TrimRight(slug[:min(len(slug), length)], "-")
	if slug == "" {
		return "workspace"
	}
	return slug
}
