package ratelimit

import "net/netip"

// Block is the source that an address stands for: an IPv4 address, or the /64 that
// one IPv6 host usually has to itself. It is empty for no address.
func Block(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(addr, bits).Masked().String()
}

// networkBits is the most that one customer of a provider usually has (RFC 6177 §2).
const networkBits = 48

// Network returns the /48 of an IPv6 block, and nothing for another one.
func Network(block string) string {
	prefix, err := netip.ParsePrefix(block)
	if err != nil || !prefix.Addr().Is6() || prefix.Bits() < networkBits {
		return ""
	}
	return netip.PrefixFrom(prefix.Addr(), networkBits).Masked().String()
}
