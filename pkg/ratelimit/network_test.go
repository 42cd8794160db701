package ratelimit_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/ratelimit"
)

func TestNetwork(t *testing.T) {
	for block, want := range map[string]string{
		"2001:db8:1:2::/64":    "2001:db8:1::/48",
		"2001:db8:1:ffff::/64": "2001:db8:1::/48",
		"2001:db8:2:2::/64":    "2001:db8:2::/48",
		"2001:db8::/32":        "",
		"192.0.2.1/32":         "",
		"":                     "",
		"x":                    "",
	} {
		if got := ratelimit.Network(block); got != want {
			t.Errorf("Network(%q) = %q, want %q", block, got, want)
		}
	}
}
