package edge

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHops bounds how far back a chain of proxies is followed.
const maxHops = 16

// peerOf returns who is at the other end of the connection, zero for a
// connection without an IP address.
func peerOf(r *http.Request) netip.Addr { return AddressOf(r.RemoteAddr) }

// AddressOf returns the address of an address with a port, zero for none of IP.
func AddressOf(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

func (e *Edge) trusts(addr netip.Addr) bool { return Trusts(e.TrustedProxies, addr) }

// Trusts says whether an address is of one of the proxies.
func Trusts(proxies []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// clientAddress is the nearest address that is not a trusted proxy. Only what
// trusted proxies wrote is read, from the right: the rest of X-Forwarded-For is
// the client's own invention.
func (e *Edge) clientAddress(r *http.Request, peer netip.Addr) netip.Addr {
	if !e.trusts(peer) {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	client := peer
	for i := len(hops) - 1; i >= max(0, len(hops)-maxHops); i-- {
		addr, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return client
		}
		client = addr.Unmap().WithZone("")
		if !e.trusts(client) {
			return client
		}
	}
	return client
}
