package process

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// certificateAge is how long a public certificate is used before its files are
// looked at again.
const certificateAge = 10 * time.Second

// publicCertificate is a certificate in files that may be replaced while it is in
// use. It is safe for concurrent use.
type publicCertificate struct {
	chain, key string

	mu      sync.Mutex
	current *tls.Certificate
	changed time.Time // of the file of the chain
	checked time.Time
}

// PublicTLS is nil for plain HTTP, where no files are named. It reads them again
// when they change.
func PublicTLS(chain, key string) (*tls.Config, error) {
	if chain == "" {
		return nil, nil
	}
	public, err := openPublicCertificate(chain, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{GetCertificate: public.get, MinVersion: tls.VersionTLS12}, nil
}

func openPublicCertificate(chain, key string) (*publicCertificate, error) {
	c := &publicCertificate{chain: chain, key: key}
	if err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

// get implements tls.Config.GetCertificate. Files that do not fit, as while they
// are being replaced, leave the one that was read before.
func (c *publicCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.checked) > certificateAge {
		_ = c.read()
	}
	return c.current, nil
}

func (c *publicCertificate) read() error {
	c.checked = time.Now()
	info, err := os.Stat(c.chain)
	if err != nil {
		return fmt.Errorf("look at the public certificate: %w", err)
	}
	if c.current != nil && info.ModTime().Equal(c.changed) {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.chain, c.key)
	if err != nil {
		return fmt.Errorf("load the public certificate: %w", err)
	}
	c.current, c.changed = &pair, info.ModTime()
	return nil
}
