package mtls_test

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"testing"

	"github.com/chancery-auth/chancery/pkg/mtls"
)

// presenting is config with another certificate.
func presenting(t *testing.T, config *tls.Config, f folder) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(f.files.Certificate, f.files.Key)
	if err != nil {
		t.Fatal(err)
	}
	config = config.Clone()
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return config
}

// foreign is a folder with a certificate of a, whose one name is no name of the
// domain.
func foreign(t *testing.T, a *mtls.Authority, of string, names ...string) folder {
	t.Helper()
	f := newFolder(t, a, "token")
	certificate, key, err := a.Issue(of, names, []string{"localhost"}, day)
	if err != nil {
		t.Fatal(err)
	}
	f.write(f.files.Certificate, certificate)
	f.write(f.files.Key, key)
	return f
}

func TestN258_ServerRefusesClients(t *testing.T) {
	tests := map[string]struct {
		client func(t *testing.T, c *clock, a *mtls.Authority, good *tls.Config) func(net.Conn) net.Conn
		// required and ifGiven say whether a server of that kind takes the client.
		required, ifGiven bool
	}{
		"with its certificate": {func(_ *testing.T, _ *clock, _ *mtls.Authority, good *tls.Config) func(net.Conn) net.Conn {
			return with(good)
		}, true, true},
		"of a name that is no role": {func(t *testing.T, _ *clock, a *mtls.Authority, good *tls.Config) func(net.Conn) net.Conn {
			return with(presenting(t, good, newFolder(t, a, "billing")))
		}, true, true},
		"in plain text": {func(*testing.T, *clock, *mtls.Authority, *tls.Config) func(net.Conn) net.Conn {
			return func(raw net.Conn) net.Conn { return plain{raw} }
		}, false, false},
		"of TLS 1.2": {func(_ *testing.T, _ *clock, _ *mtls.Authority, good *tls.Config) func(net.Conn) net.Conn {
			good = good.Clone()
			good.MinVersion, good.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
			return with(good)
		}, false, false},
		"without a certificate": {func(_ *testing.T, _ *clock, _ *mtls.Authority, good *tls.Config) func(net.Conn) net.Conn {
			good = good.Clone()
			good.GetClientCertificate = nil
			return with(good)
		}, false, true},
		"of another authority": {func(t *testing.T, c *clock, _ *mtls.Authority, good *tls.Config) func(net.Conn) net.Conn {
			return with(presenting(t, good, newFolder(t, authority(t, c), "gateway")))
		}, false, false},
		"with an expired certificate": {func(t *testing.T, c *clock, a *mtls.Authority, good *tls.Config) func(net.Conn) net.Conn {
			f := newFolder(t, a, "gateway")
			f.issue(a, day/2, "gateway")
			c.advance(day/2 + 1)
			return with(presenting(t, good, f))
		}, false, false},
		"of another domain": {func(t *testing.T, _ *clock, a *mtls.Authority, good *tls.Config) func(net.Conn) net.Conn {
			return with(presenting(t, good, foreign(t, a, "example.com", "gateway")))
		}, false, false},
		"of a domain below": {func(t *testing.T, _ *clock, a *mtls.Authority, good *tls.Config) func(net.Conn) net.Conn {
			return with(presenting(t, good, foreign(t, a, "sub."+domain, "gateway")))
		}, false, false},
		"of a domain that ends alike": {func(t *testing.T, _ *clock, a *mtls.Authority, good *tls.Config) func(net.Conn) net.Conn {
			return with(presenting(t, good, foreign(t, a, "x"+domain, "gateway")))
		}, false, false},
	}
	for name, tt := range tests {
		for kind, takes := range map[mtls.ClientCertificate]bool{mtls.Required: tt.required, mtls.IfGiven: tt.ifGiven} {
			c := &clock{}
			a := authority(t, c)
			server := identity(t, c, a, "token").ServerTLS(kind)
			client := tt.client(t, c, a, identity(t, c, a, "gateway").ClientTLS("token"))
			if serverErr, clientErr := shake(t, server, client); (serverErr == nil) != takes || (clientErr == nil) != takes {
				t.Errorf("a client %s, server of kind %d: %v and %v, want it to be taken: %v", name, kind, serverErr, clientErr, takes)
			}
		}
	}
}

// plain is a client without TLS.
type plain struct{ net.Conn }

func (p plain) Write([]byte) (int, error) {
	return p.Conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
}

func TestN258_ClientRefusesServers(t *testing.T) {
	tests := map[string]struct {
		server func(t *testing.T, c *clock, a *mtls.Authority) *tls.Config
		takes  bool
	}{
		"of the role": {func(t *testing.T, c *clock, a *mtls.Authority) *tls.Config {
			return identity(t, c, a, "token").ServerTLS(mtls.Required)
		}, true},
		"of two roles": {func(t *testing.T, c *clock, a *mtls.Authority) *tls.Config {
			return identity(t, c, a, "consent", "token").ServerTLS(mtls.Required)
		}, true},
		"of another role": {func(t *testing.T, c *clock, a *mtls.Authority) *tls.Config {
			return identity(t, c, a, "consent").ServerTLS(mtls.Required)
		}, false},
		"of a wildcard": {func(t *testing.T, c *clock, a *mtls.Authority) *tls.Config {
			f := newFolder(t, a, "consent")
			certificate, key, err := a.Issue(domain, []string{"consent"}, []string{"*." + domain}, day)
			if err != nil {
				t.Fatal(err)
			}
			f.write(f.files.Certificate, certificate)
			f.write(f.files.Key, key)
			return f.load(c).ServerTLS(mtls.Required)
		}, false},
		"of another authority": {func(t *testing.T, c *clock, a *mtls.Authority) *tls.Config {
			f := newFolder(t, authority(t, c), "token")
			pair, err := tls.LoadX509KeyPair(f.files.Certificate, f.files.Key)
			if err != nil {
				t.Fatal(err)
			}
			return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13}
		}, false},
		"with an expired certificate": {func(t *testing.T, c *clock, a *mtls.Authority) *tls.Config {
			f := newFolder(t, a, "token")
			f.issue(a, day/2, "token")
			server := f.load(c).ServerTLS(mtls.Required)
			c.advance(day/2 + 1)
			return server
		}, false},
		"of TLS 1.2": {func(t *testing.T, c *clock, a *mtls.Authority) *tls.Config {
			f := newFolder(t, a, "token")
			pair, err := tls.LoadX509KeyPair(f.files.Certificate, f.files.Key)
			if err != nil {
				t.Fatal(err)
			}
			return &tls.Config{Certificates: []tls.Certificate{pair}, MaxVersion: tls.VersionTLS12}
		}, false},
	}
	for name, tt := range tests {
		c := &clock{}
		a := authority(t, c)
		client := identity(t, c, a, "gateway").ClientTLS("token")
		serverErr, clientErr := shake(t, tt.server(t, c, a), with(client))
		if (clientErr == nil) != tt.takes || (serverErr == nil) != tt.takes {
			t.Errorf("a server %s: %v and %v, want it to be taken: %v", name, serverErr, clientErr, tt.takes)
		}
		if errors.Is(clientErr, errRefused) && name != "of TLS 1.2" {
			t.Errorf("a server %s: it refuses, not the client: %v", name, clientErr)
		}
	}
}

func TestN258_RevokedCertificatesAreRefused(t *testing.T) {
	c := &clock{}
	a := authority(t, c)
	serverFiles, clientFiles := newFolder(t, a, "token"), newFolder(t, a, "gateway")
	server, client := serverFiles.load(c), clientFiles.load(c)
	serverCert, clientCert := read(t, serverFiles.files.Certificate), read(t, clientFiles.files.Certificate)
	other, _, err := a.Issue(domain, []string{"gateway"}, nil, day)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name        string
		by          folder
		revoked     []byte
		serverTakes bool
		clientTakes bool
	}{
		{"another certificate of the same name", serverFiles, other, true, true},
		{"the client's", serverFiles, clientCert, false, true},
		{"the server's", clientFiles, serverCert, true, false},
	}
	for _, tt := range tests {
		list, err := a.Revoke(tt.revoked)
		if err != nil {
			t.Fatal(err)
		}
		serverOf, clientOf := server, client
		tt.by.files.Revoked = tt.by.files.Key + ".crl"
		tt.by.write(tt.by.files.Revoked, list)
		if tt.by.files.Key == serverFiles.files.Key {
			serverOf = tt.by.load(c)
		} else {
			clientOf = tt.by.load(c)
		}
		serverErr, clientErr := shake(t, serverOf.ServerTLS(mtls.IfGiven), with(clientOf.ClientTLS("token")))
		if takes := tt.serverTakes && tt.clientTakes; (serverErr == nil) != takes || (clientErr == nil) != takes {
			t.Errorf("%s is revoked: server says %v, client says %v", tt.name, serverErr, clientErr)
		}
		if tt.serverTakes != tt.clientTakes && errors.Is(clientErr, errRefused) != tt.clientTakes {
			t.Errorf("%s is revoked, and the wrong side refuses: %v", tt.name, clientErr)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
