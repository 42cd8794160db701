// Package source knows what address blocks have in common. A block is the /32 or /64
// that a request comes from, as the edge tells it.
package source

import "net/netip"

// networkBits is the most that one customer of a provider usually has (RFC 6177 §2).
const networkBits = 48

// Network returns the /48 of an IPv6 address block, and nothing for another one.
func Network(block string) string {
	prefix, err := netip.ParsePrefix(block)
	if err != nil || !prefix.Addr().Is6() || prefix.Bits() < networkBits {
		return ""
	}
	return netip.PrefixFrom(prefix.Addr(), networkBits).Masked().String()
}
