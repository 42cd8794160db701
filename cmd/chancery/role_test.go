package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/cmd/chancery/config"
	"github.com/chancery-auth/chancery/pkg/mtls"
)

func TestServicesToRunAreKnownAndNamedOnce(t *testing.T) {
	tests := []struct {
		text string
		want roles // nil: refused
		says string
	}{
		{"token", roles{"token"}, ""},
		{"token, consent", roles{"token", "consent"}, ""},
		{"gateway,authorize,token,consent,introspection,registry,directory", allRoles(), ""},
		{"", nil, `"" is no service`},
		{"tokens", nil, `"tokens" is no service`},
		{"Token", nil, `"Token" is no service`},
		{"admin", nil, `"admin" is no service`},
		{"token,", nil, `"" is no service`},
		{"token,consent,token", nil, "token is named twice"},
	}
	for _, tt := range tests {
		got, err := parseRoles(tt.text)
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("parseRoles(%q) = %q, %v, want %q or %q", tt.text, got, err, tt.want, tt.says)
		}
	}
}

// NATS takes a process for the first name in its certificate, and gives it the
// rights of that role alone.
func TestCertificateOfSeveralRolesBeginsWithTheOneThatNATSMustKnow(t *testing.T) {
	tests := []struct {
		name  string
		roles roles
		names []string
		nats  string
		ok    bool
	}{
		{"one role", roles{"registry"}, []string{"registry"}, "tls://n:1", true},
		{"one role of a certificate for two", roles{"registry"}, []string{"token", "registry"}, "tls://n:1", true},
		{"two that say the same", roles{"token", "consent"}, []string{"consent", "token"}, "tls://n:1", true},
		{"the one that publishes events first", roles{"token", "registry"}, []string{"registry", "token"}, "tls://n:1", true},
		{"it second", roles{"token", "registry"}, []string{"token", "registry"}, "tls://n:1", false},
		{"the one that hears restrictions second", roles{"token", "introspection"}, []string{"token", "introspection"}, "tls://n:1", false},
		{"both of them", roles{"registry", "introspection"}, []string{"registry", "introspection"}, "tls://n:1", false},
		{"without certificates on the bus", roles{"token", "registry"}, []string{"token", "registry"}, "nats://127.0.0.1:1", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := config.Default()
			cfg.NATS.Servers = []string{tt.nats}
			if err := checkBusName(tt.roles, cfg, tt.names); (err == nil) != tt.ok {
				t.Errorf("checkBusName() = %v, want success %t", err, tt.ok)
			}
		})
	}
}

// Only who asks about tokens may come without a certificate, and only where
// nothing else is open to anyone.
func TestCallersShowACertificateUnlessTheyOnlyIntrospect(t *testing.T) {
	for _, tt := range []struct {
		roles roles
		want  mtls.ClientCertificate
	}{
		{roles{"introspection"}, mtls.IfGiven},
		{roles{"introspection", "consent"}, mtls.IfGiven},
		{roles{"introspection", "token"}, mtls.Required},
		{roles{"introspection", "authorize"}, mtls.Required},
		{roles{"token"}, mtls.Required},
		{roles{"gateway"}, mtls.Required},
	} {
		if got := clientCertificate(tt.roles); got != tt.want {
			t.Errorf("clientCertificate(%q) = %v, want %v", tt.roles, got, tt.want)
		}
	}
}
