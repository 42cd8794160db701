package cluster

import (
	"testing"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/pkg/mtls"
)

// NATS takes a process for the first name in its certificate, and gives it the
// rights of that role alone.
func TestCertificateOfSeveralRolesBeginsWithTheOneThatNATSMustKnow(t *testing.T) {
	tests := []struct {
		name  string
		roles roles.Set
		names []string
		nats  string
		ok    bool
	}{
		{"one role", roles.Set{"registry"}, []string{"registry"}, "tls://n:1", true},
		{"one role of a certificate for two", roles.Set{"registry"}, []string{"token", "registry"}, "tls://n:1", true},
		{"two that say the same", roles.Set{"token", "consent"}, []string{"consent", "token"}, "tls://n:1", true},
		{"the one that publishes events first", roles.Set{"token", "registry"}, []string{"registry", "token"}, "tls://n:1", true},
		{"it second", roles.Set{"token", "registry"}, []string{"token", "registry"}, "tls://n:1", false},
		{"the one that hears restrictions second", roles.Set{"token", "introspection"}, []string{"token", "introspection"}, "tls://n:1", false},
		{"both of them", roles.Set{"registry", "introspection"}, []string{"registry", "introspection"}, "tls://n:1", false},
		{"without certificates on the bus", roles.Set{"token", "registry"}, []string{"token", "registry"}, "nats://127.0.0.1:1", true},
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
		roles roles.Set
		want  mtls.ClientCertificate
	}{
		{roles.Set{"introspection"}, mtls.IfGiven},
		{roles.Set{"introspection", "consent"}, mtls.IfGiven},
		{roles.Set{"introspection", "token"}, mtls.Required},
		{roles.Set{"introspection", "authorize"}, mtls.Required},
		{roles.Set{"token"}, mtls.Required},
		{roles.Set{"gateway"}, mtls.Required},
	} {
		if got := clientCertificate(tt.roles); got != tt.want {
			t.Errorf("clientCertificate(%q) = %v, want %v", tt.roles, got, tt.want)
		}
	}
}
