package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/pkg/mtls"
)

// soon is the rest of a certificate's life with which somebody should know.
const soon = 7 * 24 * time.Hour

// identity is the certificate of the process and the authority of its peers, as
// far as they could be read.
type identity struct {
	Subject
	chain     []*x509.Certificate
	pair      tls.Certificate
	pairErr   error
	authority []*x509.Certificate
	caErr     error
	// loaded is what a process makes of the same files.
	loaded    *mtls.Identity
	loadedErr error
}

func newIdentity(s Subject) *identity {
	i := &identity{Subject: s}
	files := s.Config.MutualTLS
	if i.authority, i.caErr = readCertificates(files.Authority); i.caErr != nil {
		i.authority = nil
	}
	if i.chain, i.pairErr = readCertificates(files.Certificate); i.pairErr == nil {
		i.pair, i.pairErr = tls.LoadX509KeyPair(files.Certificate, files.Key)
	}
	i.loaded, i.loadedErr = mtls.Load(mtls.Files{
		Authority: files.Authority, Certificate: files.Certificate, Key: files.Key, Revoked: files.Revoked,
	}, mtls.Options{Domain: files.Domain, Now: s.Now, Log: slog.New(slog.DiscardHandler)})
	return i
}

// readCertificates reads the certificates of a PEM file, at least one.
func readCertificates(path string) ([]*x509.Certificate, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []*x509.Certificate
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		list = append(list, certificate)
	}
	if len(list) == 0 {
		return nil, errors.New(path + " holds no certificate in PEM")
	}
	return list, nil
}

// roles are the roles that the certificate names.
func (i *identity) roles() []string {
	var list []string
	for _, role := range config.Roles() {
		if len(i.chain) > 0 && slices.Contains(i.chain[0].DNSNames, i.name(role)) {
			list = append(list, role)
		}
	}
	return list
}

// name is the name of a role in certificates.
func (i *identity) name(role string) string { return role + "." + i.Config.MutualTLS.Domain }

func (i *identity) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, each := range i.authority {
		pool.AddCert(each)
	}
	return pool
}

// usable says whether peers can be talked to at all.
func (i *identity) usable() bool { return i.loadedErr == nil }

// hostTLS is for a peer that is known by the name of its host, and not by a role.
func (i *identity) hostTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: i.pool(), Certificates: []tls.Certificate{i.pair}, Time: i.Now,
	}
}

func (i *identity) checks() []Check {
	list := []Check{
		{"certificate", i.checkPair},
		{"certificate key", i.checkKeyMode},
		{"certificate chain", i.checkChain},
		{"certificate names", i.checkNames},
		{"certificate expiry", i.checkExpiry},
		{"authority", i.checkAuthority},
	}
	if i.Config.MutualTLS.Revoked != "" {
		list = append(list, Check{"revoked certificates", i.checkRevoked})
	}
	if slices.Contains(i.Roles, "gateway") || len(i.Roles) == 0 {
		list = append(list, Check{"public certificate", i.checkPublic})
	}
	return list
}

func (i *identity) checkPair(context.Context) Finding {
	if i.pairErr != nil {
		return Bad("the certificate and its key cannot be used: %v", i.pairErr).
			Do("put a certificate chain and its key, both in PEM, where mutual_tls.certificate and mutual_tls.key say")
	}
	if i.loadedErr != nil {
		return Bad("a process would not start with it: %v", i.loadedErr).Do("correct what the other checks of the certificate say")
	}
	return Good("%s matches its key", i.Config.MutualTLS.Certificate)
}

func (i *identity) checkKeyMode(context.Context) Finding {
	path := i.Config.MutualTLS.Key
	info, err := os.Stat(path)
	if err != nil {
		return Finding{} // the pair says so
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return Bad("%s has mode %04o: every user of the machine can pose as this process", path, mode).Do("chmod 600 %s", path)
	}
	return Good("%s is not for everybody to read", path)
}

func (i *identity) checkChain(context.Context) Finding {
	if len(i.chain) == 0 || i.caErr != nil {
		return Finding{}
	}
	intermediates := x509.NewCertPool()
	for _, each := range i.chain[1:] {
		intermediates.AddCert(each)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		_, err := i.chain[0].Verify(x509.VerifyOptions{
			Roots: i.pool(), Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{usage},
			// Its age is another check's.
			CurrentTime: i.chain[0].NotBefore.Add(time.Second),
		})
		if err != nil {
			return Bad("the certificate does not lead to the authority: %v", err).
				Do("have it issued by mutual_tls.authority, for server and for client authentication, and put intermediate certificates after it")
		}
	}
	return Good("the certificate is from the authority, for server and client")
}

// admin is the name of an operator's certificate.
const admin = "admin"

// forOperator says whether the certificate is for administration, and for no role.
func (i *identity) forOperator() bool {
	return len(i.Roles) == 0 && len(i.chain) > 0 && slices.Contains(i.chain[0].DNSNames, i.name(admin))
}

func (i *identity) checkNames(context.Context) Finding {
	if len(i.chain) == 0 {
		return Finding{}
	}
	has := i.chain[0].DNSNames
	if i.forOperator() {
		return Good("the certificate is for administration")
	}
	if len(i.Roles) == 0 {
		return Bad("the certificate names no role: it has %s", orNothing(has)).
			Do("have it issued for ROLE.%s", i.Config.MutualTLS.Domain)
	}
	for _, role := range i.Roles {
		if !slices.Contains(has, i.name(role)) {
			return Bad("the certificate lacks the name %s: it has %s", i.name(role), orNothing(has)).
				Do("have it issued with the name of every role that the process runs")
		}
	}
	return Good("the certificate names %s", strings.Join(i.Roles, ", "))
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

func (i *identity) checkExpiry(context.Context) Finding {
	if len(i.chain) == 0 {
		return Finding{}
	}
	return i.lifetime("the certificate", i.chain[0])
}

// lifetime is what is to say of how long a certificate is good for.
func (i *identity) lifetime(what string, certificate *x509.Certificate) Finding {
	now, end := i.Now(), certificate.NotAfter
	left := end.Sub(now)
	// One that is made for a short life is renewed by a program, in its last third.
	life := end.Sub(certificate.NotBefore)
	switch {
	case now.Before(certificate.NotBefore):
		return Bad("%s is not valid before %s", what, certificate.NotBefore.Format(time.RFC3339)).Do("set the clock of this machine")
	case left <= 0:
		return Bad("%s has expired at %s", what, end.Format(time.RFC3339)).Do("have a new one issued")
	case left < min(soon, life/3):
		return Odd("%s expires in %s, at %s", what, left.Round(time.Minute), end.Format(time.RFC3339)).Do("have a new one issued")
	}
	return Good("%s is valid until %s", what, end.Format(time.RFC3339))
}

func (i *identity) checkAuthority(context.Context) Finding {
	if i.caErr != nil {
		return Bad("the authority cannot be read: %v", i.caErr).Do("put its certificates, in PEM, where mutual_tls.authority says")
	}
	for _, each := range i.authority {
		if !each.IsCA {
			return Bad("%s is no authority: it may not issue certificates", each.Subject).Do("put the authority's own certificate into %s", i.Config.MutualTLS.Authority)
		}
		if f := i.lifetime("the authority "+each.Subject.CommonName, each); f.Status != OK {
			return f
		}
	}
	return i.lifetime("the authority", i.authority[0])
}

func (i *identity) checkRevoked(context.Context) Finding {
	path := i.Config.MutualTLS.Revoked
	content, err := os.ReadFile(path)
	if err != nil {
		return Bad("the list of revoked certificates cannot be read: %v", err).Do("put it there, or leave mutual_tls.revoked out")
	}
	if block, _ := pem.Decode(content); block != nil {
		content = block.Bytes
	}
	list, err := x509.ParseRevocationList(content)
	if err != nil {
		return Bad("%s is no list of revoked certificates: %v", path, err).Do("have the authority write one")
	}
	signed := slices.ContainsFunc(i.authority, func(ca *x509.Certificate) bool { return list.CheckSignatureFrom(ca) == nil })
	switch {
	case !signed:
		return Bad("%s is not signed by the authority", path).Do("have the authority write it")
	case len(i.chain) > 0 && revokes(list, i.chain[0]):
		return Bad("the certificate of this process is revoked").Do("have a new one issued")
	case !list.NextUpdate.IsZero() && i.Now().After(list.NextUpdate):
		return Odd("the list of revoked certificates should have been renewed at %s", list.NextUpdate.Format(time.RFC3339)).Do("have the authority write a new one")
	}
	return Good("%d certificates are revoked", len(list.RevokedCertificateEntries))
}

func revokes(list *x509.RevocationList, certificate *x509.Certificate) bool {
	return slices.ContainsFunc(list.RevokedCertificateEntries, func(each x509.RevocationListEntry) bool {
		return each.SerialNumber.Cmp(certificate.SerialNumber) == 0
	})
}

// checkPublic looks at the certificate of the public endpoints, if they have one.
func (i *identity) checkPublic(context.Context) Finding {
	files := i.Config.Gateway.TLS
	if files.Certificate == "" {
		return Finding{}
	}
	pair, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
	if err != nil {
		return Bad("the certificate of the public endpoints cannot be used: %v", err).Do("put a certificate chain and its key where gateway.tls says")
	}
	if err := pair.Leaf.VerifyHostname(hostOf(i.Config.Issuer)); err != nil {
		return Bad("the certificate of the public endpoints is for another name than the issuer's: %v", err).Do("have one issued for %s", hostOf(i.Config.Issuer))
	}
	return i.lifetime("the certificate of the public endpoints", pair.Leaf)
}
