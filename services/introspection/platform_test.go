package introspection_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	"github.com/chancery-auth/chancery/services/introspection"
)

func TestN165_PlatformCallerLearnsAboutItsAudienceOnly(t *testing.T) {
	tests := []struct {
		name        string
		certificate []string
		audience    []string
		want        bool
	}{
		{"its audience", []string{"billing"}, []string{rs1}, true},
		{"one of them", []string{"billing"}, []string{rs2, rs1}, true},
		{"another", []string{"billing"}, []string{rs2}, false},
		{"the issuer, which is not its own", []string{"billing"}, nil, false},
		{"the issuer", []string{"ledger"}, nil, true},
		{"the issuer by name", []string{"ledger"}, []string{issuer}, true},
		{"not the issuer", []string{"ledger"}, []string{rs1}, false},
		{"both, first", []string{"billing", "ledger"}, []string{rs1}, true},
		{"both, second", []string{"billing", "ledger"}, nil, true},
		{"both, neither", []string{"billing", "ledger"}, []string{rs2}, false},
		{"with a name that is not listed", []string{"other", "billing"}, []string{rs1}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnv(t)
			e.certificate = tt.certificate
			text := e.mint(t, userToken(), audience(tt.audience...))
			got, err := e.client.Introspect(t.Context(), &introspectionv1.IntrospectRequest{Token: text})
			if err != nil || got.GetActive() != tt.want {
				t.Errorf("Introspect() = %v, %v, want active = %v", got, err, tt.want)
			}
			batch, err := e.client.IntrospectBatch(t.Context(), &introspectionv1.IntrospectBatchRequest{Tokens: []string{"garbage", text}})
			if err != nil || batch.GetAnswers()[0].GetActive() || batch.GetAnswers()[1].GetActive() != tt.want {
				t.Errorf("IntrospectBatch() = %v, %v, want active = %v", batch, err, tt.want)
			}
			if n := e.registry.calls.Load(); n != 0 {
				t.Errorf("the registry was asked %d times about who is no client", n)
			}
		})
	}
}

func TestN160_CertificateMustBeListed(t *testing.T) {
	e := newEnv(t)
	req := &introspectionv1.IntrospectRequest{Token: e.mint(t, userToken(), audience(issuer, rs1))}
	for _, certificate := range [][]string{
		nil, {""}, {"stranger"}, {"Billing"}, {"token"}, {"introspection", "registry"}, {"gateway"}, {"gateway", "billing"}, {"billing", "gateway"},
	} {
		e.certificate = certificate
		if resp, err := e.client.Introspect(t.Context(), req); !errors.Is(err, oauth.InvalidClient) {
			t.Errorf("Introspect() = %v, %v with the certificate of %q, want invalid_client", resp, err, certificate)
		}
	}
	e.certificate = []string{"billing"}
	if resp, err := e.client.Introspect(t.Context(), req); err != nil || !resp.GetActive() {
		t.Errorf("Introspect() = %v, %v with the certificate of a listed API", resp, err)
	}
}

// Whoever shows credentials is who they say, right or wrong.
func TestCertificateDoesNotReplaceCredentials(t *testing.T) {
	e := newEnv(t)
	e.certificate = []string{"billing"}
	text := e.mint(t, userToken(), audience(rs1))
	for name, req := range map[string]*introspectionv1.IntrospectRequest{
		"wrong secret": {Token: text, ClientId: "rs1", ClientSecret: "wrong"}, "client alone": {Token: text, ClientId: "rs1"},
		"secret alone": {Token: text, ClientSecret: "secret of rs1"}, "assertion": {Token: text, ClientId: "j1", ClientAssertionType: oauth.AssertionTypeJWT, ClientAssertion: "wrong"},
	} {
		if resp, err := e.client.Introspect(t.Context(), req); !errors.Is(err, oauth.InvalidClient) {
			t.Errorf("%s: Introspect() = %v, %v, want invalid_client", name, resp, err)
		}
	}
	if e.introspect(t, "rs2", text).GetActive() || !e.introspect(t, "rs1", text).GetActive() {
		t.Error("the certificate adds to, or takes from, what the client may learn")
	}
}

func TestPlatformCallerNeedsTheLeaseToo(t *testing.T) {
	e := newEnv(t)
	e.certificate = []string{"ledger"}
	alive := e.mint(t, userToken())
	dead := e.mint(t, userToken(), func(a *credential.AccessToken) { a.GrantID = uuid.Max })
	e.restrict(t, coherent.Grant(uuid.Max, 4))
	e.loseLease()
	if resp, err := e.client.Introspect(t.Context(), &introspectionv1.IntrospectRequest{Token: alive}); !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("Introspect() = %v, %v without a lease, want temporarily_unavailable", resp, err)
	}
	resp, err := e.client.Introspect(t.Context(), &introspectionv1.IntrospectRequest{Token: dead})
	if err != nil {
		t.Fatal(err)
	}
	checkInactive(t, resp)
}

func TestWithoutPeerNamesNobodyHasACertificate(t *testing.T) {
	e := newEnv(t)
	s := introspection.New(introspection.Config{Issuer: issuer, Callers: []introspection.PlatformCaller{{Name: "billing"}, {Name: ""}}}, introspection.Deps{Now: e.now})
	if resp, err := s.Introspect(t.Context(), &introspectionv1.IntrospectRequest{Token: "x"}); !errors.Is(err, oauth.InvalidClient) {
		t.Errorf("Introspect() = %v, %v, want invalid_client", resp, err)
	}
}
