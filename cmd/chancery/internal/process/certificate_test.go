package process

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/mtls"
)

// The public certificate is renewed without a restart, and a half-written one
// does not take the endpoints down.
func TestPublicCertificateIsReadAgain(t *testing.T) {
	authority, err := mtls.NewAuthority(time.Now, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	chain, key := filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	renew := func(written time.Time) {
		t.Helper()
		certPEM, keyPEM, err := authority.Issue("chancery.internal", []string{"gateway"}, []string{"localhost"}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		writeAt(t, chain, certPEM, written)
		writeAt(t, key, keyPEM, written)
	}
	if _, err := openPublicCertificate(chain, key); err == nil {
		t.Error("a certificate that is not there is opened")
	}
	begin := time.Now()
	renew(begin)
	c, err := openPublicCertificate(chain, key)
	if err != nil {
		t.Fatal(err)
	}
	first := leaf(t, c)
	renew(begin.Add(time.Minute))
	if leaf(t, c) != first {
		t.Error("the files are looked at with each connection")
	}
	c.checked = begin.Add(-2 * certificateAge)
	second := leaf(t, c)
	if second == first {
		t.Error("the renewed certificate is not used")
	}
	writeAt(t, chain, []byte("half"), begin.Add(2*time.Minute))
	c.checked = begin.Add(-2 * certificateAge)
	if leaf(t, c) != second {
		t.Error("a broken file takes the place of a good one")
	}
}

// leaf is the certificate that a client would see.
func leaf(t *testing.T, c *publicCertificate) string {
	t.Helper()
	certificate, err := c.get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(certificate.Certificate[0])
}

func writeAt(t *testing.T, path string, content []byte, written time.Time) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, written, written); err != nil {
		t.Fatal(err)
	}
}
