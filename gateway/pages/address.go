package pages

import (
	"errors"
	"net"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// errNotLocal is returned for a form or link of ours that would leave our
// origin.
var errNotLocal = errors.New("address is not a path of this origin")

// isLocal says whether s is an absolute path on our own origin. Browsers take
// "//host" and "/\host" as another host.
func isLocal(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "" && u.Host == "" &&
		strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") && !strings.Contains(s, `\`)
}

// localPath returns s. Fails with errNotLocal.
func localPath(s string) (string, error) {
	if !isLocal(s) {
		return "", errNotLocal
	}
	return s, nil
}

// logoPath returns s if it is on our own origin, else empty: a logo fetched
// from elsewhere would tell its host who is signing in.
func logoPath(s string) string {
	if !isLocal(s) {
		return ""
	}
	return s
}

// webURL returns s if it is an http or https address with a host, else empty.
func webURL(s string) string {
	if webHost(s) == "" {
		return ""
	}
	return s
}

// webHost returns the host of an http or https address in ASCII, so that a
// look-alike letter shows as what it is, and empty for anything else.
func webHost(s string) string {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.User != nil {
		return ""
	}
	host, err := idna.Lookup.ToASCII(u.Hostname())
	if err != nil {
		return ""
	}
	if u.Port() != "" {
		return net.JoinHostPort(host, u.Port())
	}
	return host
}

// apiName is how a page calls the API of that URI (RFC 8707): on the web by host
// and path, and else as it is.
func apiName(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" || webHost(uri) == "" {
		return uri
	}
	return webHost(uri) + strings.TrimSuffix(u.RequestURI(), "/")
}

// destination is where a browser goes once a page is answered, in words.
type destination struct {
	// Key is the sentence of the catalogue.
	Key string
	// Place is the host or scheme the sentence names.
	Place string
}

// destinationOf describes the redirect URI uri.
func destinationOf(uri string) destination {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" {
		return destination{}
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return destination{Key: "destination.app", Place: u.Scheme}
	}
	host := strings.ToLower(u.Hostname())
	if ip := net.ParseIP(host); host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback() {
		return destination{Key: "destination.loopback", Place: u.Host}
	}
	return destination{Key: "destination.web", Place: webHost(uri)}
}
