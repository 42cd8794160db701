package gateway

import (
	"net/url"
	"strings"
)

// Paths of the pages, at the root of the issuer's origin whatever the issuer's
// path is.
const (
	homePath    = "/"
	signInPath  = "/signin"
	signOutPath = "/signout"
	accountPath = "/account"
	consentPath = "/consent"

	accountAppsPath = "/account/apps"
	revokePath      = "/account/apps/{grant_id}/revoke"

	accountPasswordPath = "/account/password"

	developerPath = "/developer/apps"
	newAppPath    = "/developer/apps/new"
	appPath       = "/developer/apps/{client_id}"
	secretsPath   = "/developer/apps/{client_id}/secrets"
	deletePath    = "/developer/apps/{client_id}/delete"
	logoFormPath  = "/developer/apps/{client_id}/logo"

	directoryPath = "/apps"
	logosPath     = "/logos/{file}"
	openAPIPath   = "/v1/openapi.json"
)

// pathOf puts word where pattern has a name in braces.
func pathOf(pattern, word string) string {
	before, rest, _ := strings.Cut(pattern, "{")
	_, after, _ := strings.Cut(rest, "}")
	return before + url.PathEscape(word) + after
}

// logoPath is where a logo is, empty without one.
func logoPath(digest string) string {
	if digest == "" {
		return ""
	}
	return pathOf(logosPath, digest+".png")
}

// signInFor is the address of the sign-in page that leads on to next.
func signInFor(next string) string { return signInPath + "?next=" + url.QueryEscape(next) }

// nextPath tells whether next is a page of ours that a sign-in may lead to. It is
// compared with what these pages' own links say, and never parsed: nothing that a
// browser might read in another way is among them.
func nextPath(next string) bool {
	if next == accountAppsPath || next == accountPasswordPath || next == developerPath {
		return true
	}
	if workspace, ok := strings.CutPrefix(next, newAppPath+"?workspace="); ok {
		return isWord(workspace, "-") && workspace != "" && len(workspace) <= 64
	}
	for _, pattern := range []string{revokePath, appPath, secretsPath, deletePath, logoFormPath} {
		before, rest, _ := strings.Cut(pattern, "{")
		_, after, _ := strings.Cut(rest, "}")
		word, below := strings.CutPrefix(next, before)
		word, whole := strings.CutSuffix(word, after)
		if below && whole && word != "" && len(word) <= 256 && isWord(word, "-_") {
			return true
		}
	}
	return false
}

// needsRecentSignIn tells whether what is done on the page next needs a sign-in
// of late: whoever finds a browser open can see the apps, and not take them over.
func needsRecentSignIn(next string) bool { return strings.HasPrefix(next, developerPath+"/") }
