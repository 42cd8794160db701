package registration_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clienttest"
	"github.com/chancery-auth/chancery/services/registry/internal/registration"
)

func TestGrantAndResponseTypes(t *testing.T) {
	types := func(grants, responses []string) func(*registration.Metadata) {
		return func(m *registration.Metadata) { m.GrantTypes, m.ResponseTypes = grants, responses }
	}
	code, refresh := oauth.GrantAuthorizationCode, oauth.GrantRefreshToken
	checkRules(t, []ruleCase{
		{"unsaid", web, same, nil},
		{"code", web, types([]string{code}, []string{"code"}), nil},
		{"code and refresh", web, types([]string{code, refresh}, nil), nil},
		{"refresh alone", web, types([]string{refresh}, nil), oauth.InvalidClientMetadata},
		{"for itself alone", web, types([]string{oauth.GrantClientCredentials}, nil), oauth.InvalidClientMetadata},
		{"for itself as well", web, types([]string{code, oauth.GrantClientCredentials}, nil), oauth.InvalidClientMetadata},
		{"implicit", web, types([]string{code, "implicit"}, nil), oauth.InvalidClientMetadata},
		{"token", web, types(nil, []string{"token"}), oauth.InvalidClientMetadata},
		{"code and token", web, types([]string{code}, []string{"code", "token"}), oauth.InvalidClientMetadata},
		{"code twice", web, types([]string{code}, []string{"code", "code"}), oauth.InvalidClientMetadata},
	})
}

func TestWhatIsNotSupportedIsRefused(t *testing.T) {
	checkRules(t, []ruleCase{
		{"public subjects", web, func(m *registration.Metadata) { m.SubjectType = "public" }, nil},
		{"pairwise subjects", web, func(m *registration.Metadata) { m.SubjectType = "pairwise" }, oauth.InvalidClientMetadata},
		{"sector identifier", web, func(m *registration.Metadata) { m.SectorIdentifierURI = "https://app.example/sector" }, oauth.InvalidClientMetadata},
		{"a scope of the catalogue", web, func(m *registration.Metadata) { m.Scope = "openid email" }, nil},
		{"a scope that is none", web, func(m *registration.Metadata) { m.Scope = "openid everything" }, oauth.InvalidClientMetadata},
		{"a scope that is malformed", web, func(m *registration.Metadata) { m.Scope = "openid  email" }, oauth.InvalidClientMetadata},
		{"a right of the client itself", web, func(m *registration.Metadata) { m.Scope = "openid introspect" }, oauth.InvalidClientMetadata},
		{"no name", web, func(m *registration.Metadata) { m.ClientName = "" }, nil},
		{"the platform's name", web, func(m *registration.Metadata) { m.ClientName = "Chancery CLI" }, oauth.InvalidClientMetadata},
		{"a secret for a native client", native, func(m *registration.Metadata) { m.TokenEndpointAuthMethod = "client_secret_basic" }, oauth.InvalidClientMetadata},
		{"none for a native client", native, func(m *registration.Metadata) { m.TokenEndpointAuthMethod = "none" }, nil},
	})
}

// OIDC RP Metadata Choices §2, §4.
func TestN102_AuthenticationMethodsAreChosenFromTheClients(t *testing.T) {
	choices := func(method string, supported ...string) func(*registration.Metadata) {
		return func(m *registration.Metadata) {
			m.TokenEndpointAuthMethod, m.TokenEndpointAuthMethodsSupported = method, supported
		}
	}
	basic, post, unknown := oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost, "tls_client_auth"
	checkRules(t, []ruleCase{
		{"one", web, choices("", post), nil},
		{"several", web, choices("", post, basic), nil},
		{"several and the favourite", web, choices(basic, post, basic), nil},
		{"an unknown one beside", web, choices("", unknown, basic), nil},
		{"an unknown favourite", web, choices(unknown, unknown, basic), nil},
		{"unknown ones alone", web, choices("", unknown, "x"), oauth.InvalidClientMetadata},
		{"a favourite that is not among them", web, choices(post, basic), oauth.InvalidClientMetadata},
		{"an unknown favourite that is not among them", web, choices(unknown, basic), oauth.InvalidClientMetadata},
		{"none", web, choices("", oauth.AuthNone), nil},
		{"none that is not among them", web, choices(oauth.AuthNone, basic), oauth.InvalidClientMetadata},
		{"a secret alone for a native client", native, choices("", basic), oauth.InvalidClientMetadata},
		{"a secret as the favourite of a native client", native, choices(basic, basic, oauth.AuthNone), oauth.InvalidClientMetadata},
		{"assertions alone without keys", web, choices("", oauth.AuthPrivateKeyJWT), oauth.InvalidClientMetadata},
		{"assertions as the favourite without keys", web, choices(oauth.AuthPrivateKeyJWT, basic, oauth.AuthPrivateKeyJWT), oauth.InvalidClientMetadata},
	})
}

// What a client can do is all that it may do, as far as that goes together.
func TestN102_AClientGetsWhatGoesTogether(t *testing.T) {
	basic, post, assertion, none := oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost, oauth.AuthPrivateKeyJWT, oauth.AuthNone
	keys, e := clienttest.PublicKeys(t), newEndpoint(t)
	for _, tt := range []struct {
		name string
		base func() registration.Metadata
		keys string
		told string
		can  []string
		want []string
	}{
		{"secrets", web, "", "", []string{post, basic}, []string{post, basic}},
		{"assertions without keys", web, "", "", []string{assertion, basic}, []string{basic}},
		{"assertions without keys beside the favourite", web, "", basic, []string{basic, assertion}, []string{basic}},
		{"assertions with keys", web, keys, "", []string{assertion, basic}, []string{assertion, basic}},
		{"none", web, "", "", []string{none, basic}, []string{basic}},
		{"none beside the favourite", web, "", post, []string{none, basic, post}, []string{post, basic}},
		{"none as the favourite", web, "", none, []string{none, post}, []string{none}},
		{"a native client", native, "", "", []string{basic, none}, []string{none}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := tt.base()
			m.JWKS, m.TokenEndpointAuthMethod, m.TokenEndpointAuthMethodsSupported = tt.keys, tt.told, tt.can
			if got := register(t, e, m).Client.AuthMethods(); !slices.Equal(got, tt.want) {
				t.Errorf("methods = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestN102_AClientIsToldOfOneMethodAndKeepsTheOthers(t *testing.T) {
	basic, post, unknown := oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost, "tls_client_auth"
	e := newEndpoint(t)
	m := web()
	m.TokenEndpointAuthMethod, m.TokenEndpointAuthMethodsSupported = unknown, []string{unknown, post, basic}
	r := register(t, e, m)
	if got := r.Client.AuthMethods(); !slices.Equal(got, []string{post, basic}) {
		t.Errorf("methods = %v", got)
	}
	told := registration.MetadataOf(r.Client)
	if told.TokenEndpointAuthMethod != post || told.TokenEndpointAuthMethodsSupported != nil {
		t.Errorf("the client is told %q, %v, want one method", told.TokenEndpointAuthMethod, told.TokenEndpointAuthMethodsSupported)
	}
	// A client that sends back what it was told keeps both.
	updated, _, err := e.Replace(t.Context(), presented(r), registration.Update{Metadata: told, ClientID: r.Client.ClientID})
	if err != nil || !slices.Equal(updated.AuthMethods(), []string{post, basic}) {
		t.Errorf("Replace() = methods %v, %v", updated.AuthMethods(), err)
	}
	// It says anew what it can do.
	told.TokenEndpointAuthMethod, told.TokenEndpointAuthMethodsSupported = basic, []string{post, basic}
	updated, _, err = e.Replace(t.Context(), presented(r), registration.Update{Metadata: told, ClientID: r.Client.ClientID})
	if err != nil || !slices.Equal(updated.AuthMethods(), []string{basic, post}) {
		t.Errorf("Replace() = methods %v, %v", updated.AuthMethods(), err)
	}
}

func TestN207_RegisteredRedirectURIsAreSafe(t *testing.T) {
	redirect := func(uris ...string) func(*registration.Metadata) {
		return func(m *registration.Metadata) { m.RedirectURIs = uris }
	}
	refused := []string{
		"http://public.host/", "http://localhost.evil.test/", "https://app.example/cb#x", "https://u:p@app.example/cb",
		"https://*.example/cb", "https://app.example/*", "https://app.example/a/../cb", "https://app.example/%2e%2e/cb",
		"javascript:alert(1)//", "com.example.app:/cb", "cb", "", "https://app.example/" + strings.Repeat("a", 2048),
	}
	for _, name := range []string{"code", "state", "iss", "error"} {
		refused = append(refused, "https://app.example/cb?"+name+"=1")
	}
	var cases []ruleCase
	for _, uri := range refused {
		cases = append(cases, ruleCase{fmt.Sprintf("%.60q", uri), web, redirect("https://app.example/cb", uri), oauth.InvalidRedirectURI})
	}
	many := make([]string, 21)
	for i := range many {
		many[i] = fmt.Sprintf("https://app.example/cb/%d", i)
	}
	checkRules(t, append(cases,
		ruleCase{"none", web, redirect(), oauth.InvalidRedirectURI},
		ruleCase{"query of its own", web, redirect("https://app.example/cb?tenant=1"), nil},
		ruleCase{"this machine", web, redirect("http://localhost:3000/cb"), nil},
		ruleCase{"private use, native", native, same, nil},
		ruleCase{"scheme without a dot, native", native, redirect("myapp:/cb"), oauth.InvalidRedirectURI},
		ruleCase{"20 entries", web, redirect(many[:20]...), nil},
		ruleCase{"21 entries", web, redirect(many...), oauth.InvalidRedirectURI},
	))
}

func TestN208_RegisteredKeys(t *testing.T) {
	good := clienttest.PublicKeys(t)
	member := good[len(`{"keys":[`) : len(good)-len(`]}`)]
	keys := func(doc, uri string) func(*registration.Metadata) {
		return func(m *registration.Metadata) {
			m.TokenEndpointAuthMethod, m.JWKS, m.JWKSURI = oauth.AuthPrivateKeyJWT, doc, uri
		}
	}
	checkRules(t, []ruleCase{
		{"public", web, keys(good, ""), nil},
		{"by value and by reference", web, keys(good, "https://app.example/jwks"), oauth.InvalidClientMetadata},
		{"by reference", web, keys("", "https://app.example/jwks"), oauth.InvalidClientMetadata},
		{"none", web, keys("", ""), oauth.InvalidClientMetadata},
		{"private", web, keys(strings.Replace(good, `"kty"`, `"d":"AQ","kty"`, 1), ""), oauth.InvalidClientMetadata},
		{"symmetric", web, keys(`{"keys":[{"kty":"oct","alg":"HS256","k":"AQ","kid":"a"}]}`, ""), oauth.InvalidClientMetadata},
		{"RSA of 1024 bits", web, keys(`{"keys":[{"kty":"RSA","alg":"RS256","kid":"a","e":"AQAB","n":"`+strings.Repeat("_", 170)+`8"}]}`, ""), oauth.InvalidClientMetadata},
		{"10,000 keys", web, keys(`{"keys":[`+strings.Repeat(`{},`, 9999)+`{}]}`, ""), oauth.InvalidClientMetadata},
		{"one kid twice", web, keys(`{"keys":[`+member+`,`+member+`]}`, ""), oauth.InvalidClientMetadata},
	})
}

func TestN213_SoftwareStatementsAreRefused(t *testing.T) {
	for name, statement := range map[string]string{
		"alg none":       "eyJhbGciOiJub25lIn0.eyJzb2Z0d2FyZV9pZCI6IngifQ.",
		"unknown issuer": "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2V2aWwudGVzdCJ9." + strings.Repeat("A", 86),
		"no JWS":         "x",
	} {
		checkRules(t, []ruleCase{{
			name, web, func(m *registration.Metadata) { m.SoftwareStatement = statement }, oauth.InvalidSoftwareStatement,
		}})
	}
}

// N210: what redirects or resolves anew is not even asked.
func TestN209_N210_NothingIsFetched(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	connected := make(chan struct{}, 1)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
			connected <- struct{}{}
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}

	hosts := []string{
		"127.0.0.1", "127.0.0.1:" + port, "[::1]", "0.0.0.0", "169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "172.16.0.1",
		"192.168.0.1", "100.64.0.1", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[fe80::1%25eth.x]", "2130706433", "0x7f000001",
		"0177.0.0.1", "127.1", "0x7f.1", "127.0.0.0x1", "localhost", "localhost.", "localhost:" + port, "a.localhost", "printer.local",
		"metadata.google.internal", "1.0.0.127.in-addr.arpa", "app.example:8443", "intranet", "app.example..", ".",
	}
	uris := []string{"file:///etc/passwd", "gopher://app.example/", "http://app.example/", "//app.example/", "app.example"}
	for _, host := range hosts {
		uris = append(uris, "https://"+host+"/x")
	}
	set := map[string]func(*registration.Metadata, string){
		"jwks_uri":              func(m *registration.Metadata, uri string) { m.JWKSURI = uri },
		"sector_identifier_uri": func(m *registration.Metadata, uri string) { m.SectorIdentifierURI = uri },
		"logo_uri":              func(m *registration.Metadata, uri string) { m.LogoURI = uri },
		"client_uri":            func(m *registration.Metadata, uri string) { m.ClientURI = uri },
		"policy_uri":            func(m *registration.Metadata, uri string) { m.PolicyURI = uri },
		"tos_uri":               func(m *registration.Metadata, uri string) { m.TosURI = uri },
	}
	e := newEndpoint(t)
	for field, change := range set {
		for _, uri := range uris {
			m := web()
			change(&m, uri)
			_, err := e.Register(t.Context(), m, secret.Secret{})
			wantRefusal(t, err, oauth.InvalidClientMetadata)
			if err == nil {
				t.Errorf("%s = %q is registered", field, uri)
			}
		}
	}
	checkRules(t, []ruleCase{
		{"public pages", web, func(m *registration.Metadata) {
			m.LogoURI, m.ClientURI = "https://app.example/logo.png?v=1", "https://app.example:443/"
			m.PolicyURI, m.TosURI = "https://APP.example./policy", "https://xn--bcher-kva.example/tos"
		}, nil},
	})
	select {
	case <-connected:
		t.Error("something was fetched")
	default:
	}
}
