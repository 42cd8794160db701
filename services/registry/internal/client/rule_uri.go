package client

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

const (
	maxRedirectURIs = 20
	maxAudience     = 20
	maxURIBytes     = 2048
)

func redirectURIsGoWithCodes(c Client, _ Policy) error {
	switch {
	case c.usesCodes() && len(c.RedirectURIs) == 0:
		return fault.New(fault.Invalid, "redirect_uris is required for the grant type authorization_code")
	case !c.usesCodes() && len(c.RedirectURIs) > 0:
		return fault.New(fault.Invalid, "redirect_uris is only for the grant type authorization_code")
	}
	return nil
}

func redirectURIsDistinct(c Client, _ Policy) error {
	switch {
	case len(c.RedirectURIs) > maxRedirectURIs:
		return fault.New(fault.Invalid, "redirect_uris must have at most 20 entries")
	case repeats(c.RedirectURIs):
		return fault.New(fault.Invalid, "redirect_uris must not name one twice")
	}
	return nil
}

func redirectURIsSafe(c Client, _ Policy) error {
	for _, uri := range c.RedirectURIs {
		err := oauth.CheckRedirectURI(uri, c.ApplicationType == oauth.ApplicationNative)
		var refusal *oauth.Error
		switch {
		case errors.As(err, &refusal):
			return fault.New(fault.Invalid, "redirect_uris: "+refusal.Description)
		case err != nil:
			return fmt.Errorf("check redirect uri: %w", err)
		}
	}
	return nil
}

// member is a URI of a client by the name of its metadata.
type member struct{ field, uri string }

// pages are what the consent page links to; a URI is empty for none.
func (c Client) pages() []member {
	return []member{
		{"client_uri", c.ClientURI},
		{"logo_uri", c.LogoURI},
		{"policy_uri", c.PolicyURI},
		{"tos_uri", c.TosURI},
	}
}

func pagesOnTheWeb(c Client, _ Policy) error {
	for _, p := range c.pages() {
		if p.uri != "" && !isWebPage(p.uri) {
			return fault.New(fault.Invalid, p.field+" must be an https URL, or http to localhost, 127.0.0.1 or [::1], without user information")
		}
	}
	return nil
}

func isWebPage(uri string) bool {
	u, ok := absolute(uri)
	if !ok || u.User != nil || u.Hostname() == "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}

// offTheIssuer keeps redirects, links and pictures of apps away from the issuer's own
// origin: what answers there is the provider, and gets the user's cookies.
func offTheIssuer(c Client, p Policy) error {
	if p.Issuer == "" {
		return nil
	}
	uris := c.pages()
	for _, uri := range c.RedirectURIs {
		uris = append(uris, member{"redirect_uris", uri})
	}
	own := serverOf(p.Issuer)
	for _, m := range uris {
		if serverOf(m.uri) == own && !p.isDemo(m.uri) {
			return fault.New(fault.Invalid, m.field+" must not be on "+own+", which is the issuer's own origin: give the app a host of its own")
		}
	}
	return nil
}

// serverOf is the origin of a URI, in one spelling for all that lead to one server;
// empty for a URI that has none.
func serverOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return ""
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.String()
	}
	port := u.Port()
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		port = ""
	}
	return u.Scheme + "://" + strings.TrimSuffix(net.JoinHostPort(host, port), ":")
}

// isDemo reports whether a URI of the issuer's origin is of the demo.
func (p Policy) isDemo(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && p.Demo != "" && strings.HasPrefix(path.Clean(u.Path)+"/", p.Demo+"/")
}

func audienceAbsolute(c Client, _ Policy) error {
	if len(c.Audience) > maxAudience || repeats(c.Audience) {
		return fault.New(fault.Invalid, "audience must have at most 20 entries, none of them twice")
	}
	for _, a := range c.Audience {
		// RFC 8707 §2.
		if _, ok := absolute(a); !ok || strings.Contains(a, "#") {
			return fault.New(fault.Invalid, "audience must be absolute URIs without fragment")
		}
	}
	return nil
}

// absolute parses a URI with a scheme, and something after it, that is made of
// the characters of RFC 3986 §2.
func absolute(uri string) (*url.URL, bool) {
	if len(uri) > maxURIBytes || strings.ContainsFunc(uri, notInURI) {
		return nil, false
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" || u.Opaque == "" && u.Host == "" {
		return nil, false
	}
	return u, true
}

func notInURI(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune(`"<>\^{|}`+"`", r)
}

func repeats(list []string) bool {
	for i, s := range list {
		if slices.Contains(list[:i], s) {
			return true
		}
	}
	return false
}
