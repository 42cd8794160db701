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
