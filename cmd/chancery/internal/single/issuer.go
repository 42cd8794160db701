package single

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/provider"
)

// loopback reports whether a listen address is reachable from this machine only.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// checkIssuer refuses an issuer that others could not rely on (RFC 8414 §2, OIDC
// Discovery §3).
func (c *Command) checkIssuer() error {
	if c.Issuer == "" {
		if c.TLSCert == "" && !loopback(c.HTTP) {
			return fmt.Errorf("--http %s is reachable from other machines: give --issuer https://… and a certificate, or a proxy that has one", c.HTTP)
		}
		return nil
	}
	u, err := url.Parse(c.Issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(c.Issuer, "/") || strings.ContainsAny(c.Issuer, "?#"):
		return fmt.Errorf("--issuer %s: want a URL of scheme, host and the path of the preset, without query, fragment or a slash at the end", c.Issuer)
	case u.Scheme == "https", u.Scheme == "http" && loopback(net.JoinHostPort(u.Hostname(), "0")):
		if err := provider.CheckIssuer(c.Issuer, c.preset); err != nil {
			return fmt.Errorf("--issuer %s: %w", c.Issuer, err)
		}
		return nil
	}
	return fmt.Errorf("--issuer %s: want https; http is only for localhost", c.Issuer)
}

// issuerFor is the issuer where none was given: browsers know the name localhost
// as a secure context, and cookies need that.
func (c *Command) issuerFor(listener net.Addr) string {
	if c.Issuer != "" {
		return c.Issuer
	}
	scheme := "http"
	if c.TLSCert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(listener.String())
	if ip, ipErr := netip.ParseAddr(host); err != nil || ipErr != nil || ip.IsLoopback() || ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + c.preset.IssuerPath
}
