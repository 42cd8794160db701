package pages

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// errTarget is returned for a redirect URI that no page may lead to.
var errTarget = errors.New("redirect target is not usable")

var (
	schemeForm = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)
	hostForm   = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]{1,5})?$`)
)

// setHeaders sets what every page carries, whatever its status. HSTS belongs
// to the listener that terminates TLS, and is not among them.
func setHeaders(h http.Header, policy string) {
	h.Set("Content-Security-Policy", policy)
	// For browsers that do not know frame-ancestors.
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	// A page's address may hold state or a code (RFC 9700 §4.2.4).
	h.Set("Referrer-Policy", "no-referrer")
	// Cuts the tie to a window that opened the page, so that it cannot swap
	// the page between two clicks.
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "accelerometer=(), autoplay=(), camera=(), display-capture=(), "+
		"fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), "+
		"payment=(), screen-wake-lock=(), usb=(), xr-spatial-tracking=()")
	h.Set("Cache-Control", "no-store")
}

// contentSecurityPolicy is the policy of a page whose forms lead to our own
// origin and, if target is not empty, to that source.
func contentSecurityPolicy(target string) string {
	forms := "form-action 'self'"
	if target != "" {
		forms += " " + target
	}
	return "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; font-src 'self'; " +
		forms + "; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; " +
		"require-trusted-types-for 'script'"
}

// formActionSource returns the policy source that covers uri: its origin, or
// its scheme if it has a private-use one (RFC 8252 §7.1).
//
// Chromium applies form-action to the redirects that follow a form's POST. A
// consent form answered by a redirect to the client goes nowhere, silently,
// unless the policy of the page names the client's origin.
func formActionSource(uri string) (string, error) {
	if uri == "" {
		return "", nil
	}
	u, err := url.Parse(uri)
	if err != nil || !schemeForm.MatchString(u.Scheme) || executable(u.Scheme) {
		return "", errTarget
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return u.Scheme + ":", nil
	}
	// The policy language has no form for an IPv6 address.
	if strings.HasPrefix(u.Host, "[") {
		return u.Scheme + ":", nil
	}
	// A host is part of a header here: a semicolon, which url.Parse lets pass,
	// would start a directive of the attacker's choice.
	if !hostForm.MatchString(u.Host) {
		return "", fmt.Errorf("%w: host is not ASCII", errTarget)
	}
	return u.Scheme + "://" + u.Host, nil
}

// executable says whether a browser runs or renders what an address of this
// scheme holds, within our origin or beside it.
func executable(scheme string) bool {
	switch scheme {
	case "javascript", "vbscript", "data", "blob", "filesystem", "about", "file", "view-source":
		return true
	}
	return false
}
