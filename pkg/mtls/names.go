package mtls

import (
	"context"
	"crypto/x509"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// PeerNames are the roles that the certificate of a gRPC call's peer names in
// domain, in its order. None: the peer has shown no certificate that was
// verified.
func PeerNames(ctx context.Context, domain string) []string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return nil
	}
	return namesIn(info.State.PeerCertificates[0], domain)
}

// namesIn are the first labels of a certificate's names directly below domain.
func namesIn(c *x509.Certificate, domain string) []string {
	var names []string
	for _, name := range c.DNSNames {
		label, below := strings.CutSuffix(strings.ToLower(name), "."+strings.ToLower(domain))
		if below && isLabel(label) {
			names = append(names, label)
		}
	}
	return names
}

// isLabel reports whether s is one label of a host name (RFC 1123 §2.1), and so
// no wildcard and no name of two labels.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	}) < 0
}
