package mtls

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// pemRevoked is the PEM type of a revocation list.
const pemRevoked = "X509 CRL"

// revocations are certificates that must not be believed any more, by issuer
// and serial number.
type revocations map[string]struct{}

func revocationKey(issuer, serial []byte) string { return string(issuer) + "\x00" + string(serial) }

// has reports whether c is revoked.
func (r revocations) has(c *x509.Certificate) bool {
	_, ok := r[revocationKey(c.RawIssuer, c.SerialNumber.Bytes())]
	return ok
}

// pass reports whether none of a chain's certificates is revoked.
func (r revocations) pass(chain []*x509.Certificate) bool {
	for _, c := range chain {
		if r.has(c) {
			return false
		}
	}
	return true
}

// parseRevocations reads the lists of a file (RFC 5280 §5). Each must be signed
// by one of the authorities, or anybody who can write the file could bring a
// revoked certificate back. One that is not current could be an old one: outdated
// says so, and what it names is revoked all the same.
func parseRevocations(content []byte, authorities []*x509.Certificate, now time.Time) (revoked revocations, outdated, err error) {
	revoked = make(revocations)
	for _, der := range revocationLists(content) {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, nil, fmt.Errorf("is no revocation list in PEM or DER: %w", err)
		}
		authority := signerOf(list, authorities)
		if authority == nil {
			return nil, nil, errors.New("is signed by none of the authorities: fetch the one that the authority issues")
		}
		if !list.NextUpdate.IsZero() && now.After(list.NextUpdate) {
			outdated = fmt.Errorf("is out of date since %s: fetch a new one", list.NextUpdate.UTC().Format(time.RFC3339))
		}
		for _, entry := range list.RevokedCertificateEntries {
			revoked[revocationKey(authority.RawSubject, entry.SerialNumber.Bytes())] = struct{}{}
		}
	}
	return revoked, outdated, nil
}

// signerOf is the authority that signed list; nil: none.
func signerOf(list *x509.RevocationList, authorities []*x509.Certificate) *x509.Certificate {
	for _, authority := range authorities {
		if bytes.Equal(list.RawIssuer, authority.RawSubject) && list.CheckSignatureFrom(authority) == nil {
			return authority
		}
	}
	return nil
}

// revocationLists are the lists of a file in DER. What is no PEM is taken for DER.
func revocationLists(content []byte) [][]byte {
	var lists [][]byte
	for rest := content; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == pemRevoked {
			lists = append(lists, block.Bytes)
		}
	}
	if len(lists) == 0 && len(content) > 0 {
		return [][]byte{content}
	}
	return lists
}
