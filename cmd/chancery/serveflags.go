package main

import (
	"crypto/tls"
	"fmt"
	"net/netip"

	"github.com/chancery-auth/chancery/pkg/kek"
)

func (c *serveCommand) openKEK() (*kek.Key, error) {
	if c.KEK != "" {
		return kek.Open(c.KEK)
	}
	return kek.Open("file:"+c.KEKFile(), kek.Create())
}

// trustedProxies reads the flag.
func (c *serveCommand) trustedProxies() ([]netip.Prefix, error) {
	proxies := make([]netip.Prefix, 0, len(c.Proxies))
	for _, text := range c.Proxies {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxy %s: want an address range such as 10.0.0.0/8 or 127.0.0.1/32", text)
		}
		proxies = append(proxies, prefix)
	}
	return proxies, nil
}

// tlsConfig is nil for plain HTTP.
func (c *serveCommand) tlsConfig() (*tls.Config, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	public, err := openPublicCertificate(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, err
	}
	return &tls.Config{GetCertificate: public.get, MinVersion: tls.VersionTLS12}, nil
}
