package doctor_test

import (
	"os"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/doctor"
)

func TestCertificate(t *testing.T) {
	tests := []struct {
		name   string
		spoil  func(p *patient)
		check  string
		status doctor.Status
		text   string
	}{
		{"good", func(*patient) {}, "certificate", doctor.OK, "matches its key"},
		{"good names", func(*patient) {}, "certificate names", doctor.OK, "directory"},
		{"names by the certificate", func(p *patient) { p.roles = nil }, "certificate names", doctor.OK, "directory"},
		{"no name", func(p *patient) { p.certify(p.authority, 30*day, "token") }, "certificate names", doctor.Fail, "lacks the name directory.chancery.internal: it has token.chancery.internal"},
		{"an operator's", func(p *patient) { p.roles = nil; p.certify(p.authority, 30*day, "admin") }, "certificate names", doctor.OK, "for administration"},
		{"no role at all", func(p *patient) { p.roles = nil; p.certify(p.authority, 30*day, "billing") }, "certificate names", doctor.Fail, "names no role: it has billing.chancery.internal"},
		{"other domain", func(p *patient) { p.extra = "" }, "certificate chain", doctor.OK, "from the authority"},
		{"other authority", func(p *patient) { p.certify(newAuthority(p.T, day), 30*day, "directory") }, "certificate chain", doctor.Fail, "does not lead to the authority"},
		{"other authority's certificate does not start", func(p *patient) { p.certify(newAuthority(p.T, 365*day), 30*day, "directory") }, "certificate", doctor.Fail, "would not start"},
		{"other key", func(p *patient) {
			certificate, err := os.ReadFile(p.path("tls.crt"))
			if err != nil {
				p.Fatal(err)
			}
			p.certify(p.authority, 30*day, "directory")
			p.write("tls.crt", certificate)
		}, "certificate", doctor.Fail, "cannot be used"},
		{"no certificate", func(p *patient) { p.write("tls.crt", nil) }, "certificate", doctor.Fail, "holds no certificate"},
		{"no authority", func(p *patient) { p.write("ca.crt", nil) }, "authority", doctor.Fail, "cannot be read"},
		{"certificate for authority", func(p *patient) { p.write("ca.crt", read(p, "tls.crt")) }, "authority", doctor.Fail, "is no authority"},
		{"authority that ends", func(p *patient) { p.now = later(360 * day) }, "authority", doctor.Warn, "expires in"},
		{"week left", func(p *patient) { p.now = later(23*day - time.Hour) }, "certificate expiry", doctor.OK, "is valid until"},
		{"less than a week left", func(p *patient) { p.now = later(23*day + time.Hour) }, "certificate expiry", doctor.Warn, "expires in"},
		{"expired", func(p *patient) { p.now = later(30*day + time.Hour) }, "certificate expiry", doctor.Fail, "has expired"},
		{"short life, two thirds gone", func(p *patient) { p.certify(p.authority, day, "directory"); p.now = later(17 * time.Hour) }, "certificate expiry", doctor.Warn, "expires in"},
		{"short life, half gone", func(p *patient) { p.certify(p.authority, day, "directory"); p.now = later(12 * time.Hour) }, "certificate expiry", doctor.OK, "is valid until"},
		{"key of the owner", func(*patient) {}, "certificate key", doctor.OK, "not for everybody"},
		{"key for everybody", func(p *patient) {
			if err := os.Chmod(p.path("tls.key"), 0o604); err != nil {
				p.Fatal(err)
			}
		}, "certificate key", doctor.Fail, "has mode 0604"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPatient(t, "directory")
			tt.spoil(p)
			want(t, p.look(), tt.check, tt.status, tt.text)
		})
	}
}

func read(p *patient, name string) []byte {
	p.Helper()
	content, err := os.ReadFile(p.path(name))
	if err != nil {
		p.Fatal(err)
	}
	return content
}

func later(by time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(by) } }

func TestRevokedCertificates(t *testing.T) {
	other := newAuthority(t, day)
	tests := []struct {
		name   string
		list   func(p *patient) ([]byte, error)
		status doctor.Status
		text   string
	}{
		{"nobody", func(p *patient) ([]byte, error) { return p.authority.Revoke() }, doctor.OK, "0 certificates"},
		{"itself", func(p *patient) ([]byte, error) { return p.authority.Revoke(read(p, "tls.crt")) }, doctor.Fail, "of this process is revoked"},
		{"another authority's", func(*patient) ([]byte, error) { return other.Revoke() }, doctor.Fail, "not signed by the authority"},
		{"no list", func(*patient) ([]byte, error) { return []byte("x"), nil }, doctor.Fail, "is no list"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPatient(t, "directory")
			list, err := tt.list(p)
			if err != nil {
				t.Fatal(err)
			}
			p.write("crl.pem", list)
			// As one mapping: a second mutual_tls would be a mistake.
			c := p.load()
			c.MutualTLS.Revoked = p.path("crl.pem")
			checks, done := doctor.Subject{Config: c, Roles: p.roles, Now: p.now}.Checks()
			defer done()
			found := map[string]doctor.Finding{}
			for result := range doctor.Run(t.Context(), checks) {
				found[result.Check] = result.Finding
			}
			want(t, found, "revoked certificates", tt.status, tt.text)
		})
	}
}

func TestPublicCertificate(t *testing.T) {
	for issuer, status := range map[string]doctor.Status{"https://as.acme.io": doctor.OK, "https://id.acme.io": doctor.Fail} {
		p := newPatient(t, "gateway")
		certificate, key, err := p.authority.Issue("chancery.internal", []string{"gateway"}, []string{"as.acme.io"}, 30*day)
		if err != nil {
			t.Fatal(err)
		}
		p.write("public.crt", certificate)
		p.write("public.key", key)
		p.issuer, p.extra = issuer, "gateway: {tls: {certificate: public.crt, key: public.key}}\n"
		want(t, p.look(), "public certificate", status, "")
	}
}
