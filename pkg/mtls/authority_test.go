package mtls_test

import (
	"errors"
	"testing"

	"github.com/chancery-auth/chancery/pkg/mtls"
)

func TestAuthoritySurvivesItsFiles(t *testing.T) {
	c := &clock{}
	a := authority(t, c)
	key, err := a.KeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	again, err := mtls.ParseAuthority(c.now, a.PEM(), key)
	if err != nil {
		t.Fatal(err)
	}
	server, client := identity(t, c, a, "token"), identity(t, c, again, "gateway")
	if serverErr, clientErr := shake(t, server.ServerTLS(mtls.Required), with(client.ClientTLS("token"))); serverErr != nil || clientErr != nil {
		t.Errorf("they do not meet: %v, %v", serverErr, clientErr)
	}
	leaf, leafKey, err := a.Issue(domain, []string{"token"}, nil, day)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mtls.ParseAuthority(c.now, leaf, leafKey); err == nil {
		t.Error("a leaf is taken for an authority")
	}
	c.advance(100 * day)
	if _, err := mtls.ParseAuthority(c.now, a.PEM(), key); !errors.Is(err, mtls.ErrExpired) {
		t.Errorf("ParseAuthority() = %v, want that it has expired", err)
	}
}

func TestCertificateEndsWithItsAuthority(t *testing.T) {
	c := &clock{}
	a := authority(t, c)
	f := newFolder(t, a, "token")
	f.issue(a, 1000*day, "token")
	if got := f.load(c).ExpireTime(); !got.Equal(a.ExpireTime()) {
		t.Errorf("it ends at %v, its authority at %v", got, a.ExpireTime())
	}
}

func TestIssueRefusesNamesThatAreNone(t *testing.T) {
	c := &clock{}
	a := authority(t, c)
	tests := map[string]struct {
		names, hosts []string
		takes        bool
	}{
		"a name":             {[]string{"token-2"}, []string{"token.svc", "::1", "*.example.com"}, true},
		"two labels":         {[]string{"a.b"}, nil, false},
		"a wildcard":         {[]string{"*"}, nil, false},
		"nothing":            {[]string{""}, nil, false},
		"capitals":           {[]string{"Token"}, nil, false},
		"a hyphen in front":  {[]string{"-token"}, nil, false},
		"a host that is one": {nil, []string{"token." + domain}, false},
	}
	for name, tt := range tests {
		if _, _, err := a.Issue(domain, tt.names, tt.hosts, day); (err == nil) != tt.takes {
			t.Errorf("%s: %v, want it to be issued: %v", name, err, tt.takes)
		}
	}
}
