package cluster

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/chancery-auth/chancery/pkg/mtls"
)

const (
	authorityLifetime   = 365 * 24 * time.Hour
	certificateLifetime = 30 * 24 * time.Hour
	keySize             = 32
)

// makeKeys makes the keys that the processes share.
func (c *Cluster) makeKeys() error {
	for _, name := range []string{"hint.key", "key-encryption.key"} {
		if _, err := keep(c.layout.file("keys", name), newKey); err != nil {
			return err
		}
	}
	return nil
}

func newKey() string {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	return base64.StdEncoding.EncodeToString(key)
}

// certify makes an authority, which lasts as long as the cluster runs, and a
// certificate for each process, for operators, and for an API of the platform.
func (c *Cluster) certify() error {
	var err error
	if c.Authority, err = mtls.NewAuthority(c.o.Now, authorityLifetime); err != nil {
		return err
	}
	if err := os.WriteFile(c.layout.file("tls", "ca.crt"), c.Authority.PEM(), 0o600); err != nil {
		return err
	}
	errs := []error{c.Certify(admin, admin), c.Certify(Platform, Platform)}
	for role, processes := range c.roles {
		for _, p := range processes {
			errs = append(errs, c.Certify(p.Name, role))
		}
	}
	for _, n := range c.NATS {
		errs = append(errs, c.Certify(n.Name, natsName))
	}
	return errors.Join(errs...)
}

// Certify gives the process of this name a new certificate with names in
// [mtls.DefaultDomain], replacing the files of the old one.
func (c *Cluster) Certify(process string, names ...string) error {
	certificate, key, err := c.Authority.Issue(mtls.DefaultDomain, names, []string{loopback}, certificateLifetime)
	if err != nil {
		return err
	}
	dir := c.Certificate(process)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return errors.Join(replace(filepath.Join(dir, "tls.key"), key), replace(filepath.Join(dir, "tls.crt"), certificate))
}

// Certificate is the folder with tls.crt and tls.key of a process, or of the
// names admin and [Platform].
func (c *Cluster) Certificate(process string) string { return c.layout.file("tls", process) }

// AuthorityFile holds the certificate that all others are checked with.
func (c *Cluster) AuthorityFile() string { return c.layout.file("tls", "ca.crt") }

// replace puts new content where a reader finds either the old or the new.
func replace(path string, content []byte) error {
	next := path + ".new"
	if err := os.WriteFile(next, content, 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}
