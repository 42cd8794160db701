package nats_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/mtls"
)

// lifetime is longer than any test.
const lifetime = time.Hour

// certificate is one with its key, in PEM.
type certificate struct{ cert, key []byte }

func newAuthority(t *testing.T) *mtls.Authority {
	t.Helper()
	// The servers judge certificates by the real clock.
	a, err := mtls.NewAuthority(time.Now, lifetime) //nolint:forbidigo // see above
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// issue returns a certificate for the name in the domain, good for the loopback
// and for further hosts.
func issue(t *testing.T, a *mtls.Authority, domain, name string, hosts ...string) certificate {
	t.Helper()
	var c certificate
	var err error
	if c.cert, c.key, err = a.Issue(domain, []string{name}, append(hosts, "127.0.0.1"), lifetime); err != nil {
		t.Fatal(err)
	}
	return c
}

// pair is the certificate for a client.
func (c certificate) pair(t *testing.T) tls.Certificate {
	t.Helper()
	pair, err := tls.X509KeyPair(c.cert, c.key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// files are the certificate, its key and its authority for a server.
func (c certificate) files(t *testing.T, a *mtls.Authority) map[string]string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{}
	for variable, content := range map[string][]byte{"NATS_AUTHORITY": a.PEM(), "NATS_CERTIFICATE": c.cert, "NATS_KEY": c.key} {
		files[variable] = filepath.Join(dir, variable)
		if err := os.WriteFile(files[variable], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func poolOf(t *testing.T, a *mtls.Authority) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(a.PEM()) {
		t.Fatal("the authority is no certificate")
	}
	return pool
}
