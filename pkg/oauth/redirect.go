package oauth

import (
	"net/url"
	"slices"
	"strings"
)

// CheckRedirectURI says whether a client may register raw. native is the
// client's application type: only native clients may have a private-use scheme.
//
// A registered redirect URI is https, or http to the loopback interface, or of
// a private-use scheme (RFC 8252 §7). Fails with invalid_redirect_uri.
func CheckRedirectURI(raw string, native bool) error {
	switch {
	case raw == "" || len(raw) > maxURIBytes:
		return Refuse(InvalidRedirectURI, "redirect_uri must have 1 to 2048 bytes")
	case !validURICharacters(raw):
		return Refuse(InvalidRedirectURI, "redirect_uri has a character that a URI cannot have")
	case strings.Contains(raw, "#"):
		// RFC 6749 §3.1.2.
		return Refuse(InvalidRedirectURI, "redirect_uri must not have a fragment")
	case strings.Contains(raw, "*"):
		return Refuse(InvalidRedirectURI, "redirect_uri must not have a wildcard")
	}
	u := splitURI(raw)
	if err := checkRedirectTarget(u, native); err != nil {
		return err
	}
	if err := checkRedirectPath(u.path); err != nil {
		return err
	}
	return checkRedirectQuery(u.query)
}

func checkRedirectTarget(u uri, native bool) error {
	host, port := splitAuthority(u.authority)
	switch {
	case u.scheme == "":
		return Refuse(InvalidRedirectURI, "redirect_uri must be an absolute URI")
	case strings.Contains(u.authority, "@"):
		return Refuse(InvalidRedirectURI, "redirect_uri must not have user information")
	case u.authority != "" && !validHost(host):
		return Refuse(InvalidRedirectURI, "redirect_uri must have a host name or IP address in ASCII")
	case !validPort(port):
		return Refuse(InvalidRedirectURI, "redirect_uri must have a port from 1 to 65535 or none")
	}
	switch u.scheme {
	case "https":
		if host == "" {
			return Refuse(InvalidRedirectURI, "redirect_uri must have a host")
		}
	case "http":
		// RFC 9700 §2.6.
		if !isLoopback(host) {
			return Refuse(InvalidRedirectURI, "redirect_uri must be https unless its host is localhost, 127.0.0.1 or [::1]")
		}
	default:
		return checkPrivateUse(u, native)
	}
	return nil
}

// isLoopback knows the three spellings that mean this machine to every parser.
func isLoopback(host string) bool {
	return host == "127.0.0.1" || host == "[::1]" || host == "localhost"
}

// checkPrivateUse is RFC 8252 §7.1 and §8.4, with one addition: a scheme
// without a dot may be had with a host.
func checkPrivateUse(u uri, native bool) error {
	dotted := strings.Contains(u.scheme, ".")
	switch {
	case !native:
		return Refuse(InvalidRedirectURI, "redirect_uri of a web client must be https or http to the loopback interface")
	case actsByItself(u.scheme):
		return Refuse(InvalidRedirectURI, "redirect_uri has a scheme that is not for private use")
	case dotted && !u.hasAuthority && !strings.HasPrefix(u.path, "/"):
		return Refuse(InvalidRedirectURI, "redirect_uri must have a slash after its scheme")
	case !dotted && u.authority == "":
		return Refuse(InvalidRedirectURI, "redirect_uri with a scheme without a dot must have a host after ://")
	}
	return nil
}

// actsByItself reports whether a browser or an operating system does something
// of its own with a URI of this scheme, instead of starting the client.
func actsByItself(scheme string) bool {
	switch scheme {
	case "javascript", "vbscript", "livescript", "jscript", "mocha", "data", "blob", "about",
		"filesystem", "file", "jar", "mhtml", "mk", "res", "resource", "view-source", "cid", "mid",
		"chrome", "edge", "brave", "opera", "vivaldi", "moz", "devtools", "browser", "help", "wyciwyg",
		"ftp", "ftps", "sftp", "ws", "wss", "shttp", "gopher", "tftp", "telnet", "rlogin", "ssh", "git", "svn",
		"ldap", "ldaps", "nfs", "smb", "cifs", "afp", "dav", "davs", "rtsp", "rtmp", "mms", "rdp", "vnc",
		"mailto", "tel", "sms", "smsto", "mms-to", "callto", "facetime", "facetime-audio", "sip", "sips", "xmpp", "irc", "ircs",
		"news", "nntp", "snews", "magnet", "urn", "tag", "geo", "maps", "market", "intent", "android-app", "content",
		"itms", "itms-apps", "itms-services", "prefs", "app-prefs", "shell", "search", "search-ms", "openid", "web":
		return true
	}
	for _, family := range []string{"ms-", "chrome-", "moz-", "safari-", "x-apple", "web+", "view-source+", "git+", "svn+"} {
		if strings.HasPrefix(scheme, family) {
			return true
		}
	}
	return false
}

// checkRedirectPath refuses what two parsers may resolve to two places.
func checkRedirectPath(path string) error {
	lower := strings.ToLower(path)
	for _, encoded := range []string{"%2e", "%2f", "%5c", "%25"} {
		if strings.Contains(lower, encoded) {
			return Refuse(InvalidRedirectURI, "redirect_uri must not have an encoded dot, slash, backslash or percent sign in its path")
		}
	}
	if hasEncodedControl(lower) {
		return Refuse(InvalidRedirectURI, "redirect_uri must not have an encoded control character")
	}
	for segment := range strings.SplitSeq(path, "/") {
		// Some servers drop ;parameters before they resolve dots.
		segment, _, _ = strings.Cut(segment, ";")
		if segment == "." || segment == ".." {
			return Refuse(InvalidRedirectURI, "redirect_uri must not have dot segments")
		}
	}
	return nil
}

// checkRedirectQuery keeps the names of the authorization response for the
// response: a client that reads the first of two values would read the wrong
// one. A semicolon separates parameters for some parsers, so here too.
func checkRedirectQuery(query string) error {
	if hasEncodedControl(strings.ToLower(query)) {
		return Refuse(InvalidRedirectURI, "redirect_uri must not have an encoded control character")
	}
	reserved := []string{"code", "state", "iss", "error", "error_description", "error_uri", "response"}
	for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, _, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil || slices.Contains(reserved, strings.ToLower(name)) {
			return Refuse(InvalidRedirectURI, "redirect_uri must not name a parameter of the authorization response in its query")
		}
	}
	return nil
}

// hasEncodedControl looks for %00 to %1f and %7f in lower-case text.
func hasEncodedControl(lower string) bool {
	return strings.Contains(lower, "%0") || strings.Contains(lower, "%1") || strings.Contains(lower, "%7f")
}

// MatchRedirectURI reports whether a request may name presented when registered
// is what the client has. The two must be the same bytes (RFC 9700 §4.1.3).
//
// anyPort adds the one exception of RFC 8252 §7.3, which is for native clients:
// the port of an http URI to the loopback interface may be any, for the app takes
// what is free. An empty presented never matches.
func MatchRedirectURI(registered, presented string, anyPort bool) bool {
	return presented != "" && registered == presented ||
		anyPort && sameButPort(registered, presented)
}

func sameButPort(registered, presented string) bool {
	want, ok := loopbackWithoutPort(registered)
	if !ok {
		return false
	}
	got, ok := loopbackWithoutPort(presented)
	return ok && got == want
}

// loopbackWithoutPort takes a valid port, if there is one, out of an http URI
// whose host is a loopback literal. It changes nothing else.
func loopbackWithoutPort(s string) (string, bool) {
	for _, origin := range []string{"http://127.0.0.1", "http://[::1]", "http://localhost"} {
		rest, ok := strings.CutPrefix(s, origin)
		if !ok {
			continue
		}
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		port := rest[:end]
		return origin + rest[end:], port == "" || port[0] == ':' && validPort(port)
	}
	return "", false
}

// RedirectHost names where a registered redirect URI leads, for a person to
// recognise: its host in ASCII, or its scheme if that is of private use. An
// internationalised name stays in its xn-- form, in which it resembles no other.
// It is empty for what is no absolute URI.
func RedirectHost(redirectURI string) string {
	u := splitURI(redirectURI)
	if u.scheme != "https" && u.scheme != "http" {
		return u.scheme
	}
	host, _ := splitAuthority(u.authority)
	return host
}
