package oauth

import (
	"net/netip"
	"strconv"
	"strings"
)

// maxURIBytes bounds every URI that a client sends or registers.
const maxURIBytes = 2048

// uri is a URI in its parts, each as written. It is split by hand because
// net/url decodes and normalises, and what is compared and sent to here are
// bytes.
type uri struct {
	scheme       string // lower-case; empty if there is none
	authority    string // between "//" and the path
	hasAuthority bool
	path         string
	query        string // without "?"
}

// splitURI splits s, which has no fragment, as RFC 3986 Appendix B does.
func splitURI(s string) uri {
	scheme, rest, found := strings.Cut(s, ":")
	if !found || !validScheme(scheme) {
		return uri{}
	}
	u := uri{scheme: strings.ToLower(scheme)}
	rest, u.query, _ = strings.Cut(rest, "?")
	rest, u.hasAuthority = strings.CutPrefix(rest, "//")
	if !u.hasAuthority {
		u.path = rest
		return u
	}
	end := strings.IndexByte(rest, '/')
	if end < 0 {
		end = len(rest)
	}
	u.authority, u.path = rest[:end], rest[end:]
	return u
}

// validScheme is the syntax of RFC 3986 §3.1.
func validScheme(s string) bool {
	return s != "" && isAlpha(s[0]) && all(s, func(c byte) bool {
		return isAlphanumeric(c) || c == '+' || c == '-' || c == '.'
	})
}

// validURICharacters reports whether s is made of the characters of RFC 3986
// §2, each percent sign before two hexadecimal digits.
func validURICharacters(s string) bool {
	for i := range len(s) {
		switch {
		case s[i] == '%':
			if len(s) < i+3 || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
		case !isUnreserved(s[i]) && strings.IndexByte(":/?#[]@!$&'()*+,;=", s[i]) < 0:
			return false
		}
	}
	return true
}

// splitAuthority returns host and port as written. An IPv6 host keeps its
// brackets, and a port its colon.
func splitAuthority(authority string) (host, port string) {
	colon := strings.LastIndexByte(authority, ':')
	if colon < 0 || strings.HasSuffix(authority, "]") {
		return authority, ""
	}
	return authority[:colon], authority[colon:]
}

// validPort accepts no port at all, or a colon and 1 to 65535 in the one way to
// write it.
func validPort(port string) bool {
	if port == "" {
		return true
	}
	n, err := strconv.ParseUint(port[1:], 10, 16)
	return err == nil && n > 0 && port[1:] == strconv.FormatUint(n, 10)
}

// validHost accepts a DNS name and an IP address in its usual form. What a
// browser would read as a number (2130706433, 0x7f.1) is neither.
func validHost(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return ok && err == nil && addr.Is6() && addr.Zone() == ""
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !validLabel(label) {
			return false
		}
	}
	if last := labels[len(labels)-1]; isDigit(last[0]) && looksNumeric(last) {
		addr, err := netip.ParseAddr(host)
		return err == nil && addr.Is4()
	}
	return len(host) <= 253
}

// validLabel is a DNS label of letters, digits and inner hyphens.
func validLabel(s string) bool {
	return 0 < len(s) && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-' &&
		all(s, func(c byte) bool { return isAlphanumeric(c) || c == '-' })
}

func looksNumeric(label string) bool {
	if hex, ok := strings.CutPrefix(strings.ToLower(label), "0x"); ok {
		return all(hex, isHex)
	}
	return all(label, isDigit)
}
