package registration_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/registration"
)

func TestModeSaysWhoMayRegister(t *testing.T) {
	for _, tt := range []struct {
		mode                       preset.RegistrationMode
		none, good, bad, unrelated error
	}{
		{preset.RegistrationOff, oauth.AccessDenied, oauth.AccessDenied, oauth.AccessDenied, oauth.AccessDenied},
		{preset.RegistrationToken, oauth.InvalidToken, nil, oauth.InvalidToken, oauth.InvalidToken},
		{preset.RegistrationOpen, nil, nil, oauth.InvalidToken, oauth.InvalidToken},
		{"", oauth.AccessDenied, oauth.AccessDenied, oauth.AccessDenied, oauth.AccessDenied},
	} {
		t.Run("mode "+string(tt.mode), func(t *testing.T) {
			e := newEndpoint(t)
			own := register(t, e, web())
			e.Mode = tt.mode
			kept, good, err := e.Tokens.Create(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			try := func(name string, token secret.Secret, want error) {
				t.Helper()
				if _, err := e.Register(t.Context(), web(), token); !errors.Is(err, want) {
					t.Errorf("%s: Register() = %v, want %v", name, err, want)
				}
			}
			try("none", secret.Secret{}, tt.none)
			try("good", good, tt.good)
			try("unknown", secret.New("chia"), tt.bad)
			try("malformed", secret.Wrap("x"), tt.bad)
			try("registration access token", own.Token, tt.unrelated)
			if err := e.Tokens.Revoke(t.Context(), kept.ID); err != nil {
				t.Fatal(err)
			}
			try("revoked", good, tt.bad)
		})
	}
}

func TestSwitchedOffNobodyManages(t *testing.T) {
	e := newEndpoint(t)
	own := register(t, e, web())
	e.Mode = preset.RegistrationOff
	_, err := e.Find(t.Context(), presented(own))
	wantRefusal(t, err, oauth.AccessDenied)
	_, _, err = e.Replace(t.Context(), presented(own), registration.Update{Metadata: web(), ClientID: own.Client.ClientID})
	wantRefusal(t, err, oauth.AccessDenied)
	wantRefusal(t, e.Delete(t.Context(), presented(own)), oauth.AccessDenied)
	e.Mode = preset.RegistrationOpen
	if _, err := e.Find(t.Context(), presented(own)); err != nil {
		t.Errorf("Find() = %v", err)
	}
}

// RFC 7591 §3.2.1: the answer has what the client is registered with.
func TestDefaultsAreTold(t *testing.T) {
	e := newEndpoint(t)
	got := register(t, e, registration.Metadata{RedirectURIs: []string{"https://app.example/cb"}})
	want := registration.Metadata{
		RedirectURIs:             []string{"https://app.example/cb"},
		TokenEndpointAuthMethod:  oauth.AuthClientSecretBasic,
		GrantTypes:               []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken},
		ResponseTypes:            []string{"code"},
		ClientName:               "Unnamed app",
		Scope:                    e.Registrar.Policy.Scopes.Grantable().String(),
		ApplicationType:          "web",
		IDTokenSignedResponseAlg: "RS256",
		SubjectType:              "public",
	}
	if diff := cmp.Diff(want, registration.MetadataOf(got.Client)); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if err := secret.Check("chra", got.Token.Reveal()); err != nil || got.Secret.Reveal() == "" {
		t.Errorf("token %v, secret %q", err, got.Secret.Reveal())
	}
	if public := register(t, e, native()); public.Secret.Reveal() != "" || public.Client.TokenEndpointAuthMethod != oauth.AuthNone {
		t.Errorf("a native client has a secret, or authenticates: %+v", public.Client)
	}
}

// What a client is told can be sent back.
func TestMetadataSurviveAnUpdateWithThemselves(t *testing.T) {
	e := newEndpoint(t)
	for _, base := range []registration.Metadata{web(), native()} {
		r := register(t, e, base)
		want := registration.MetadataOf(r.Client)
		updated, _, err := e.Replace(t.Context(), presented(r), registration.Update{Metadata: want, ClientID: r.Client.ClientID, ClientSecret: r.Secret})
		if err != nil {
			t.Fatalf("Replace() = %v", err)
		}
		if diff := cmp.Diff(want, registration.MetadataOf(updated)); diff != "" {
			t.Errorf("metadata (-want +got):\n%s", diff)
		}
	}
}

func TestNobodyVouchesForTheClient(t *testing.T) {
	kinds := func(p *preset.Preset) {
		p.Clients.Kinds = []preset.ClientKind{{Name: "assistant"}}
		p.Registration.ClientKind = "assistant"
	}
	c := register(t, newEndpoint(t, kinds), web()).Client
	if c.Vetted || !c.Registered() || c.WorkspaceID != "" || c.SkipConsent || c.Visibility != client.Unlisted || c.ClientKind != "assistant" {
		t.Errorf("client = %+v", c)
	}
}

// The provider's defaults are for clients that somebody vouches for, too.
func TestNoDefaultGivesTokensOfItsOwn(t *testing.T) {
	e := newEndpoint(t, func(p *preset.Preset) {
		p.Clients.Web.GrantTypes = []string{oauth.GrantAuthorizationCode, oauth.GrantClientCredentials}
		p.Clients.Native.GrantTypes = []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}
	})
	r, app := register(t, e, web()), register(t, e, native())
	updated, _, err := e.Replace(t.Context(), presented(r), registration.Update{Metadata: web(), ClientID: r.Client.ClientID})
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]string{"registered": r.Client.GrantTypes, "replaced": updated.GrantTypes} {
		if diff := cmp.Diff([]string{oauth.GrantAuthorizationCode}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	unsaid := native()
	unsaid.ApplicationType = ""
	native, _, err := e.Replace(t.Context(), presented(app), registration.Update{Metadata: unsaid, ClientID: app.Client.ClientID})
	if err != nil || native.ApplicationType != oauth.ApplicationNative || len(native.GrantTypes) != 2 {
		t.Errorf("Replace() = %+v, %v", native, err)
	}
}

func TestMetadataAreReplaced(t *testing.T) {
	e := newEndpoint(t)
	first := web()
	first.ClientURI, first.Scope, first.GrantTypes = "https://app.example/", "openid", []string{oauth.GrantAuthorizationCode}
	r := register(t, e, first)
	second := registration.Metadata{ClientName: "Other", RedirectURIs: []string{"https://other.example/cb"}}
	updated, shown, err := e.Replace(t.Context(), presented(r), registration.Update{Metadata: second, ClientID: r.Client.ClientID})
	if err != nil {
		t.Fatalf("Replace() = %v", err)
	}
	got := registration.MetadataOf(updated)
	if got.ClientName != "Other" || got.ClientURI != "" || got.Scope == "openid" || len(got.GrantTypes) != 2 || got.RedirectURIs[0] != "https://other.example/cb" {
		t.Errorf("metadata = %+v", got)
	}
	secrets, err := e.Secrets.List(t.Context(), r.Client.ClientID)
	if err != nil || len(secrets) != 1 || !secrets[0].Digest.Equal(shown.Digest()) || secrets[0].Digest.Equal(r.Secret.Digest()) {
		t.Errorf("secrets = %v, %v, want the new one alone", secrets, err)
	}
	// The token stays.
	if _, err := e.Find(t.Context(), presented(r)); err != nil {
		t.Errorf("Find() = %v", err)
	}
}

// RFC 7592 §2.2.
func TestUpdateIsMeantForTheClient(t *testing.T) {
	e := newEndpoint(t)
	mine, other, public := register(t, e, web()), register(t, e, web()), register(t, e, native())
	update := func(id string, m registration.Metadata, s secret.Secret) registration.Update {
		return registration.Update{Metadata: m, ClientID: id, ClientSecret: s}
	}
	var (
		mineID, otherID, publicID = mine.Client.ClientID, other.Client.ClientID, public.Client.ClientID
		unsaid                    secret.Secret
	)
	for _, tt := range []struct {
		name string
		who  registration.Registered
		u    registration.Update
		want error
	}{
		{"own id", mine, update(mineID, web(), unsaid), nil},
		{"no id", mine, update("", web(), unsaid), oauth.InvalidClientMetadata},
		{"id of another", mine, update(otherID, web(), unsaid), oauth.InvalidClientMetadata},
		{"secret of another", mine, update(mineID, web(), other.Secret), oauth.InvalidClientMetadata},
		{"own secret without id", other, update("", web(), other.Secret), oauth.InvalidClientMetadata},
		{"own secret", other, update(otherID, web(), other.Secret), nil},
		{"own secret that has ended", other, update(otherID, web(), other.Secret), oauth.InvalidClientMetadata},
		{"a secret where there is none", public, update(publicID, native(), other.Secret), oauth.InvalidClientMetadata},
		{"metadata that break a rule", mine, update(mineID, registration.Metadata{ClientName: "x"}, unsaid), oauth.InvalidRedirectURI},
		{"another application type", mine, update(mineID, native(), unsaid), oauth.InvalidClientMetadata},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, err := e.Find(t.Context(), presented(tt.who))
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = e.Replace(t.Context(), presented(tt.who), tt.u)
			if !errors.Is(err, tt.want) {
				t.Errorf("Replace() = %v, want %v", err, tt.want)
			}
			after, err := e.Find(t.Context(), presented(tt.who))
			if err != nil || tt.want != nil && after.Revision != before.Revision {
				t.Errorf("revision %d after %d, %v", after.Revision, before.Revision, err)
			}
		})
	}
}

// Whatever is wrong, the answer is the same (RFC 7592 §2).
func TestN222_TokensAreGoodForTheirOwnClient(t *testing.T) {
	e := newEndpoint(t)
	a, b, gone := register(t, e, web()), register(t, e, web()), register(t, e, web())
	if err := e.Delete(t.Context(), presented(gone)); err != nil {
		t.Fatalf("Delete() = %v", err)
	}
	operators, _, err := e.Registrar.Create(t.Context(), client.Client{ClientName: "Example", RedirectURIs: []string{"https://app.example/cb"}, PKCEUnsaid: true})
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]bool{}
	for name, p := range map[string]registration.Presented{
		"token of A on B":            {ClientID: b.Client.ClientID, Token: a.Token},
		"unknown token":              {ClientID: b.Client.ClientID, Token: secret.New("chra")},
		"malformed token":            {ClientID: b.Client.ClientID, Token: secret.Wrap("x")},
		"no token":                   {ClientID: b.Client.ClientID},
		"client secret":              {ClientID: b.Client.ClientID, Token: b.Secret},
		"unknown client":             {ClientID: "11111111-1111-1111-1111-111111111111", Token: a.Token},
		"no client":                  {Token: a.Token},
		"deleted client":             presented(gone),
		"client of the operators":    {ClientID: operators.ClientID, Token: a.Token},
		"that without token":         {ClientID: operators.ClientID},
		"client that is a URL":       {ClientID: "https://client.example/oauth/m.json", Token: a.Token},
		"client with a NUL":          {ClientID: b.Client.ClientID + "\x00", Token: b.Token},
		"client in another spelling": {ClientID: "{" + b.Client.ClientID + "}", Token: b.Token},
	} {
		_, err := e.Find(t.Context(), p)
		answers[wantRefusal(t, err, oauth.InvalidToken)] = true
		_, _, err = e.Replace(t.Context(), p, registration.Update{Metadata: web(), ClientID: p.ClientID})
		answers[wantRefusal(t, err, oauth.InvalidToken)] = true
		answers[wantRefusal(t, e.Delete(t.Context(), p), oauth.InvalidToken)] = true
		if t.Failed() {
			t.Fatal(name)
		}
	}
	if len(answers) != 1 {
		t.Errorf("answers differ: %v", answers)
	}
	for _, r := range []registration.Registered{a, b} {
		if c, err := e.Find(t.Context(), presented(r)); err != nil || c.Revision != r.Client.Revision {
			t.Errorf("Find() = revision %d, %v", c.Revision, err)
		}
	}
}

func TestDeletedClientIsGone(t *testing.T) {
	e := newEndpoint(t)
	r := register(t, e, web())
	if err := e.Delete(t.Context(), presented(r)); err != nil {
		t.Fatalf("Delete() = %v", err)
	}
	if _, err := e.Registrar.Find(t.Context(), r.Client.ClientID); !errors.Is(err, fault.NotFound) {
		t.Errorf("Find() = %v, want %v", err, fault.NotFound)
	}
}

func TestN206_ClientsAreCapped(t *testing.T) {
	e := newEndpoint(t, func(p *preset.Preset) { p.Registration.MaxClients = 2 })
	first := register(t, e, web())
	register(t, e, web())
	_, err := e.Register(t.Context(), web(), secret.Secret{})
	wantRefusal(t, err, oauth.TemporarilyUnavailable)
	if err := e.Delete(t.Context(), presented(first)); err != nil {
		t.Fatal(err)
	}
	register(t, e, web())
}
