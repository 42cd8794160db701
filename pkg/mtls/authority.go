package mtls

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"
)

// backdate is how long before now a certificate begins, for machines whose
// clocks are behind.
const backdate = 5 * time.Minute

// Authority issues certificates for development and tests. Its key is a file or
// in memory, and nobody watches what it signs: production has an authority of
// its own.
type Authority struct {
	now         func() time.Time
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority makes an authority that lasts for lifetime.
func NewAuthority(now func() time.Time, lifetime time.Duration) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "Chancery development authority"},
		NotBefore: now().Add(-backdate), NotAfter: now().Add(lifetime),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("create authority: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("create authority: %w", err)
	}
	return &Authority{now, certificate, key}, nil
}

// ErrExpired says that an authority has ended.
var ErrExpired = errors.New("authority has expired")

// ParseAuthority reads what [Authority.PEM] and [Authority.KeyPEM] wrote. Fails
// with [ErrExpired].
func ParseAuthority(now func() time.Time, certPEM, keyPEM []byte) (*Authority, error) {
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("parse authority: %w", err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	switch {
	case !ok || !pair.Leaf.IsCA:
		return nil, errors.New("parse authority: it is no authority for development")
	case !now().Before(pair.Leaf.NotAfter):
		return nil, ErrExpired
	}
	return &Authority{now, pair.Leaf, key}, nil
}

// PEM is the authority's certificate.
func (a *Authority) PEM() []byte { return encode("CERTIFICATE", a.certificate.Raw) }

// KeyPEM is the authority's private key.
func (a *Authority) KeyPEM() ([]byte, error) { return encodeKey(a.key) }

// ExpireTime is when the authority ends, and everything it has issued with it.
func (a *Authority) ExpireTime() time.Time { return a.certificate.NotAfter }

// Issue makes a certificate and its key for the names in domain. hosts are
// further DNS names and addresses that it is to be good for, none of them in
// domain: that would be another name. It ends after lifetime, or with the
// authority.
func (a *Authority) Issue(domain string, names, hosts []string, lifetime time.Duration) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generate key: %w", err)
	}
	template := &x509.Certificate{
		NotBefore: a.now().Add(-backdate), NotAfter: a.now().Add(lifetime),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if template.NotAfter.After(a.certificate.NotAfter) {
		template.NotAfter = a.certificate.NotAfter
	}
	if err := addNames(template, domain, names, hosts); err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("create certificate: %w", err)
	}
	keyPEM, err = encodeKey(key)
	return encode("CERTIFICATE", der), keyPEM, err
}

// addNames fills in whom the certificate names.
func addNames(template *x509.Certificate, domain string, names, hosts []string) error {
	for _, name := range names {
		if !isLabel(name) {
			return fmt.Errorf("%q is no name: want lower-case letters, digits and hyphens", name)
		}
		template.DNSNames = append(template.DNSNames, name+"."+domain)
	}
	if len(names) > 0 {
		template.Subject.CommonName = names[0]
	}
	hostNames := &x509.Certificate{}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		hostNames.DNSNames = append(hostNames.DNSNames, host)
	}
	if inside := namesIn(hostNames, domain); len(inside) > 0 {
		return fmt.Errorf("host %s.%s is a name of the domain: give it as one", inside[0], domain)
	}
	template.DNSNames = slices.Concat(template.DNSNames, hostNames.DNSNames)
	return nil
}

// Revoke makes a revocation list, in PEM, of the certificates. It is good for a
// day.
func (a *Authority) Revoke(certPEMs ...[]byte) ([]byte, error) {
	template := &x509.RevocationList{
		Number: big.NewInt(a.now().Unix()), ThisUpdate: a.now().Add(-backdate), NextUpdate: a.now().Add(24 * time.Hour),
	}
	for _, certPEM := range certPEMs {
		list, err := certificates(certPEM)
		if err != nil {
			return nil, err
		}
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: list[0].SerialNumber, RevocationTime: a.now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.certificate, a.key)
	if err != nil {
		return nil, fmt.Errorf("create revocation list: %w", err)
	}
	return encode(pemRevoked, der), nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return encode("PRIVATE KEY", der), nil
}
