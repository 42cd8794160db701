// Package peer reaches the other processes of a cluster, by its certificates.
package peer

import (
	"crypto/tls"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/mtls"
)

// Identity reads the certificate by which peers know this process.
func Identity(cfg *config.Config, log *slog.Logger) (*mtls.Identity, error) {
	m := cfg.MutualTLS
	return mtls.Load(
		mtls.Files{Authority: m.Authority, Certificate: m.Certificate, Key: m.Key, Revoked: m.Revoked},
		mtls.Options{Domain: m.Domain, Now: time.Now, Log: log})
}

// NATSTLS is nil for servers on this machine that speak plain text.
func NATSTLS(cfg *config.Config, identity *mtls.Identity) *tls.Config {
	if strings.HasPrefix(cfg.NATS.Servers[0], "nats://") {
		return nil
	}
	return identity.ClientTLS("nats")
}

// Dial connects to the processes that have the role.
func Dial(cfg *config.Config, identity *mtls.Identity, role string) (*grpc.ClientConn, error) {
	return grpcserve.Dial(grpcserve.Target{
		Address: cfg.TargetOf(role), Role: role, TLS: identity.ClientTLS(role), Now: time.Now,
	})
}
