package mtls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
)

// ClientCertificate says whether a server needs its clients to show one.
type ClientCertificate uint8

const (
	// Required refuses a client without a certificate of the authority.
	Required ClientCertificate = iota
	// IfGiven takes a client without a certificate, and refuses one that shows a
	// certificate it should not have.
	IfGiven
)

// ServerTLS is the configuration of a server of gRPC. It follows the files: each
// handshake goes by what was read last.
func (i *Identity) ServerTLS(client ClientCertificate) *tls.Config {
	auth := tls.RequireAndVerifyClientCert
	if client == IfGiven {
		auth = tls.VerifyClientCertIfGiven
	}
	config := func() *tls.Config {
		m := i.current.Load()
		return &tls.Config{
			MinVersion: tls.VersionTLS13, Time: i.options.Now,
			Certificates: []tls.Certificate{m.certificate},
			ClientAuth:   auth, ClientCAs: m.authority,
			SessionTicketsDisabled: true,
			VerifyConnection:       func(s tls.ConnectionState) error { return i.verifyClient(m, s) },
		}
	}
	first := config()
	first.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return config(), nil }
	return first
}

// verifyClient refuses a client that crypto/tls accepts and the domain does not.
func (i *Identity) verifyClient(m *material, s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return nil // ClientAuth has decided that this may be
	}
	if !slices.ContainsFunc(s.VerifiedChains, m.revoked.pass) {
		return errors.New("client certificate is revoked")
	}
	if len(namesIn(s.PeerCertificates[0], i.options.Domain)) == 0 {
		return fmt.Errorf("client certificate names nobody in %s", i.options.Domain)
	}
	return nil
}

// ClientTLS is the configuration of a client that calls role, and believes
// nobody else. It follows the files: each handshake goes by what was read last.
func (i *Identity) ClientTLS(role string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Time: i.options.Now,
		ServerName: role + "." + i.options.Domain,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &i.current.Load().certificate, nil
		},
		// RootCAs could not follow the file. VerifyConnection verifies the chain.
		InsecureSkipVerify: true, //nolint:gosec // see above
		VerifyConnection:   func(s tls.ConnectionState) error { return i.verifyServer(role, s) },
	}
}

// verifyServer refuses a server that is not the role it is called as. A name
// with a wildcard is no role.
func (i *Identity) verifyServer(role string, s tls.ConnectionState) error {
	m := i.current.Load()
	chains, err := m.chains(s.PeerCertificates, x509.ExtKeyUsageServerAuth, i.options.Now())
	switch {
	case err != nil:
		return fmt.Errorf("server certificate: %w", err)
	case !slices.ContainsFunc(chains, m.revoked.pass):
		return errors.New("server certificate is revoked")
	case !slices.Contains(namesIn(s.PeerCertificates[0], i.options.Domain), role):
		return fmt.Errorf("server certificate does not name %s.%s", role, i.options.Domain)
	}
	return nil
}
