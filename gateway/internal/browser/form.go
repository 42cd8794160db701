package browser

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"

	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/pages"
)

// Form returns what a form carries that is posted to action, is bound to binding, and
// is on a page that shows the account of session.
func Form(action, binding, session string) pages.Form {
	return pages.Form{
		Action: action, Token: digest("chancery form token" + binding),
		SessionMark: digest("chancery session mark" + session),
	}
}

// IsBound reports whether a posted form is bound to binding. That is a cookie, which
// another site can neither read nor set. Its value has 256 random bits, so a hash is
// enough.
func IsBound(posted form.Values, binding string) bool {
	return same(posted.Get("form_token"), Form("", binding, "").Token)
}

// IsOf reports whether a posted form was shown in session, so that a person who has
// signed in since is told so, and not shown the page as their own. That a consent
// counts for no other account is the authorize service's to see to.
func IsOf(posted form.Values, session string) bool {
	return same(posted.Get("session_mark"), Form("", "", session).SessionMark)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
