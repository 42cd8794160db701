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
// revoked certificate back; and current, or it could be an old one.
func parseRevocations(content []byte, authorities []*x509.Certificate, now time.Time) (revocations, error) {
	revoked := make(revocations)
	for _, der := range revocationLists(content) {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, fmt.Errorf("is no revocation list in PEM or DER: %w", err)
		}
		authority := signerOf(list, authorities)
		switch {
		case authority == nil:
			return nil, errors.New("is signed by none of the authorities: fetch the one that the authority issues")
		case !list.NextUpdate.IsZero() && now.After(list.NextUpdate):
			return nil, fmt.Errorf("is out of date since %s: fetch a new one", list.NextUpdate.UTC().Format(time.RFC3339))
		}
		for _, entry := range list.RevokedCertificateEntries {
			revoked[revocationKey(authority.RawSubject, entry.SerialNumber.Bytes())] = struct{}{}
		}
	}
	return revoked, nil
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
