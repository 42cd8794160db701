package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// checkIssuer refuses an issuer that others could not rely on (RFC 8414 §2, OIDC
// Discovery §3), and one that was copied from an example.
func checkIssuer(issuer string) error {
	if issuer == "" {
		return errors.New("is required: the https URL of the gateway")
	}
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.HasSuffix(issuer, "/") || strings.ContainsAny(issuer, "?#"):
		return errors.New("want a URL of scheme and host, without user, query, fragment or a slash at the end")
	case reserved(u.Hostname()):
		return fmt.Errorf("%s is a name for examples: want the host of your own gateway", u.Hostname())
	case u.Scheme == "https", u.Scheme == "http" && loopbackHost(u.Hostname()):
		return nil
	}
	return errors.New("want https: http is for localhost alone")
}

// reserved says whether a name is for documentation, or exists nowhere (RFC 2606
// §2 and §3).
func reserved(host string) bool {
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(host, ".")), ".")
	last := labels[len(labels)-1]
	if slices.Contains([]string{"example", "test", "invalid"}, last) {
		return true
	}
	second := len(labels) - 2
	return second >= 0 && labels[second] == "example" && slices.Contains([]string{"com", "net", "org"}, last)
}

// loopbackHost says whether a host is this machine.
func loopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// Loopback says whether an address, host:port, is reached from this machine alone.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && loopbackHost(host)
}
