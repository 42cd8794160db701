package mtls

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"time"
)

// maxFileBytes bounds one file; a revocation list is the longest.
const maxFileBytes = 16 << 20

// contents are the bytes of the files.
type contents struct{ authority, certificate, key, revoked []byte }

func (c contents) equal(d contents) bool {
	return bytes.Equal(c.authority, d.authority) && bytes.Equal(c.certificate, d.certificate) &&
		bytes.Equal(c.key, d.key) && bytes.Equal(c.revoked, d.revoked)
}

// read reads every file that has a name.
func (f Files) read() (c contents, err error) {
	for _, each := range []struct {
		to         *[]byte
		what, path string
		check      func(os.FileInfo) error
	}{
		{&c.authority, "authority", f.Authority, nil},
		{&c.certificate, "certificate", f.Certificate, nil},
		{&c.key, "key", f.Key, private},
		{&c.revoked, "revocation list", f.Revoked, nil},
	} {
		if each.path == "" && each.to == &c.revoked {
			continue
		}
		if *each.to, err = readFile(each.path, each.check); err != nil {
			return contents{}, fmt.Errorf("read the %s: %w", each.what, err)
		}
	}
	return c, nil
}

// readFile reads one file whose state passes check, if there is one.
func readFile(path string, check func(os.FileInfo) error) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if check != nil {
		if err := check(info); err != nil {
			return nil, fmt.Errorf("%s %w", path, err)
		}
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err == nil && len(content) > maxFileBytes {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxFileBytes)
	}
	return content, err
}

// private refuses a file that anybody on the machine may read or change. Its
// group may: that is how a cluster hands secrets to a process.
func private(info os.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return fmt.Errorf("has mode %04o and is open to others: run chmod 600 on it", mode)
	}
	return nil
}

// material is what the files say. It never changes.
type material struct {
	from        contents
	certificate tls.Certificate
	authority   *x509.CertPool
	revoked     revocations
	// outdated says that the revocation list is; empty if it is current.
	outdated string
}

// parse makes material of the files' contents, after before if there is one. It
// refuses what no peer would accept, so that a mistake shows here and not at every
// peer.
func (i *Identity) parse(c contents, before *material) (*material, error) {
	authorities, err := certificates(c.authority)
	if err != nil {
		return nil, fmt.Errorf("authority %s: %w", i.files.Authority, err)
	}
	m := &material{from: c, authority: x509.NewCertPool()}
	for _, authority := range authorities {
		m.authority.AddCert(authority)
	}
	if m.certificate, err = i.keyPair(c); err != nil {
		return nil, err
	}
	if err := i.checkOwn(m); err != nil {
		return nil, fmt.Errorf("certificate %s %w", i.files.Certificate, err)
	}
	if err := i.revoke(m, authorities, before); err != nil {
		return nil, fmt.Errorf("revocation list %s: %w", i.files.Revoked, err)
	}
	return m, nil
}

// revoke reads which certificates m does not believe. A process does not start
// with a list that is out of date. One that runs goes on with it, or its own
// certificate would end while nobody fetches a list; since a newer list may have
// been there, everything stays revoked that was.
func (i *Identity) revoke(m *material, authorities []*x509.Certificate, before *material) error {
	revoked, outdated, err := parseRevocations(m.from.revoked, authorities, i.options.Now())
	if err != nil {
		return err
	}
	if outdated != nil {
		if before == nil {
			return outdated
		}
		maps.Copy(revoked, before.revoked)
		m.outdated = outdated.Error()
	}
	m.revoked = revoked
	return nil
}

// keyPair joins certificate and key.
func (i *Identity) keyPair(c contents) (tls.Certificate, error) {
	if _, err := certificates(c.certificate); err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate %s: %w", i.files.Certificate, err)
	}
	pair, err := tls.X509KeyPair(c.certificate, c.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("key %s does not fit certificate %s: issue both together (%w)", i.files.Key, i.files.Certificate, err)
	}
	return pair, nil
}

// checkOwn refuses an own certificate that a peer would refuse.
func (i *Identity) checkOwn(m *material) error {
	leaf, now := m.certificate.Leaf, i.options.Now()
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("has expired at %s: issue a new one", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("is not valid before %s: set the clock of this machine", leaf.NotBefore.UTC().Format(time.RFC3339))
	case len(namesIn(leaf, i.options.Domain)) == 0:
		return fmt.Errorf("names no role of %s: issue one with a DNS name such as token.%s (it has %q)", i.options.Domain, i.options.Domain, leaf.DNSNames)
	}
	intermediates, err := certificates(m.from.certificate)
	if err != nil {
		return err
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if _, err := m.chains(intermediates, usage, now); err != nil {
			return fmt.Errorf("is not one of the authority in %s for servers and clients: issue it there, or name its authority (%w)", i.files.Authority, err)
		}
	}
	return nil
}

// chains verifies the first of the certificates, with the help of the others.
func (m *material) chains(peer []*x509.Certificate, usage x509.ExtKeyUsage, now time.Time) ([][]*x509.Certificate, error) {
	if len(peer) == 0 {
		return nil, errors.New("no certificate")
	}
	intermediates := x509.NewCertPool()
	for _, c := range peer[1:] {
		intermediates.AddCert(c)
	}
	return peer[0].Verify(x509.VerifyOptions{
		Roots: m.authority, Intermediates: intermediates, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage},
	})
}

// certificates reads all certificates of a PEM file, of which there must be one.
func certificates(content []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("is no certificate: %w", err)
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, errors.New("has no certificate in PEM")
	}
	return list, nil
}
