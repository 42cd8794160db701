// Package link has the addresses of the pages, and says which of them a sign-in may
// lead to.
//
// It knows no origin: pages are at the root of the issuer's, whatever the issuer's
// path is. The one thing to get right is that nothing from a request becomes an
// address, except as a word that is escaped.
package link

import (
	"net/url"
	"strings"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
)

// Paths of the pages. One with a name in braces stands for many: see [To].
const (
	Home    = "/"
	SignIn  = "/signin"
	SignOut = "/signout"
	Account = "/account"
	Consent = "/consent"

	AccountApps     = "/account/apps"
	Revoke          = "/account/apps/{grant_id}/revoke"
	AccountPassword = "/account/password"

	Developer = "/developer/apps"
	NewApp    = "/developer/apps/new"
	App       = "/developer/apps/{client_id}"
	Secrets   = "/developer/apps/{client_id}/secrets"
	Delete    = "/developer/apps/{client_id}/delete"
	LogoForm  = "/developer/apps/{client_id}/logo"

	Directory = "/apps"
	Logos     = "/logos/{file}"
	OpenAPI   = "/v1/openapi.json"
)

// To puts word where pattern has a name in braces.
func To(pattern, word string) string {
	before, after := around(pattern)
	return before + url.PathEscape(word) + after
}

func around(pattern string) (before, after string) {
	before, rest, _ := strings.Cut(pattern, "{")
	_, after, _ = strings.Cut(rest, "}")
	return before, after
}

// Logo returns where a logo is, empty without one.
func Logo(digest string) string {
	if digest == "" {
		return ""
	}
	return To(Logos, digest+".png")
}

// SignInFor returns the address of the sign-in page that leads on to next.
func SignInFor(next string) string { return SignIn + "?next=" + url.QueryEscape(next) }

// NewAppFor returns the address of the form for a new app of a workspace.
func NewAppFor(workspace string) string { return NewApp + "?workspace=" + workspace }

// IsNext reports whether next is a page of ours that a sign-in may lead to. It is
// compared with what these pages' own links say, and never parsed: nothing that a
// browser might read in another way is among them.
func IsNext(next string) bool {
	if next == AccountApps || next == AccountPassword || next == Developer {
		return true
	}
	if workspace, ok := strings.CutPrefix(next, NewAppFor("")); ok {
		return edge.IsWord(workspace, "-") && workspace != "" && len(workspace) <= 64
	}
	for _, pattern := range []string{Revoke, App, Secrets, Delete, LogoForm} {
		before, after := around(pattern)
		word, below := strings.CutPrefix(next, before)
		word, whole := strings.CutSuffix(word, after)
		if below && whole && word != "" && len(word) <= 256 && edge.IsWord(word, "-_") {
			return true
		}
	}
	return false
}

// NeedsRecentSignIn reports whether what is done on the page next needs a sign-in of
// late: a stranger who finds a browser open can see the apps, and not take them over.
func NeedsRecentSignIn(next string) bool { return strings.HasPrefix(next, Developer+"/") }
