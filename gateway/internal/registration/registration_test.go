package registration_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/gateway/internal/registration"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// everyMember is a request with every member that is read, and its reading.
const everyMember = `{
	"redirect_uris": ["https://app.example/cb", "https://app.example/\u0063b2"],
	"token_endpoint_auth_method": "private_key_jwt",
	"token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"],
	"grant_types": ["authorization_code"], "response_types": ["code"],
	"client_name": "Caf\u00e9", "client_uri": "https://app.example/", "logo_uri": "https://app.example/l",
	"scope": "openid", "tos_uri": "https://app.example/t", "policy_uri": "https://app.example/p",
	"jwks": {"keys": [ {"kty": "RSA", "n": "<&>"} ]},
	"jwks_uri": "https://app.example/j", "software_statement": "a.b.c", "application_type": "web",
	"id_token_signed_response_alg": "ES256", "require_pushed_authorization_requests": true,
	"subject_type": "public", "sector_identifier_uri": "https://app.example/s",
	"client_id": "id", "client_secret": "secret"
}`

func everyField() registration.Request {
	return registration.Request{ClientID: "id", ClientSecret: "secret", Metadata: &registryv1.ClientMetadata{
		RedirectUris:                      []string{"https://app.example/cb", "https://app.example/cb2"},
		TokenEndpointAuthMethod:           "private_key_jwt",
		TokenEndpointAuthMethodsSupported: []string{"private_key_jwt", "client_secret_post"},
		GrantTypes:                        []string{"authorization_code"}, ResponseTypes: []string{"code"},
		ClientName: "Café", ClientUri: "https://app.example/", LogoUri: "https://app.example/l",
		Scope: "openid", TosUri: "https://app.example/t", PolicyUri: "https://app.example/p",
		Jwks:    `{"keys":[{"kty":"RSA","n":"\u003c\u0026\u003e"}]}`,
		JwksUri: "https://app.example/j", SoftwareStatement: "a.b.c", ApplicationType: "web",
		IdTokenSignedResponseAlg: "ES256", RequirePushedAuthorizationRequests: true,
		SubjectType: "public", SectorIdentifierUri: "https://app.example/s",
	}}
}

func TestParseReadsEveryMember(t *testing.T) {
	got, err := registration.Parse([]byte(everyMember))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(everyField(), got, protocmp.Transform()); diff != "" {
		t.Errorf("Parse() (-want +got):\n%s", diff)
	}
	// A field that is new in the contract must not be forgotten here.
	r := got.Metadata.ProtoReflect()
	for i := range r.Descriptor().Fields().Len() {
		if f := r.Descriptor().Fields().Get(i); !r.Has(f) {
			t.Errorf("%s is not read", f.Name())
		}
	}
}

func TestParseHasOneReading(t *testing.T) {
	depth := func(n int) string {
		return `{"x":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`
	}
	for _, tt := range []struct {
		name, body string
		ok         bool
	}{
		{"nothing said", `{}`, true},
		{"white space", " \r\n\t{ } \n", true},
		{"unknown members", `{"x":1,"client_name#de":"x","y":[{"z":null}],"n":1e999}`, true},
		{"names of another case are unknown", `{"Client_Name":5,"CLIENT_NAME":{}}`, true},
		{"null is absent", `{"client_name":null,"redirect_uris":null,"jwks":null,"require_pushed_authorization_requests":null}`, true},
		{"eight levels", depth(8), true},
		{"one name in two objects", `{"x":{"a":1},"y":{"a":1},"z":[{"a":1},{"a":1}],"a":"a"}`, true},
		{"a value like a name", `{"a":"b","b":"a","c":["a","a"]}`, true},

		{"empty", ``, false},
		{"null", `null`, false},
		{"a list", `[]`, false},
		{"text", `"client_name"`, false},
		{"a byte order mark", "\ufeff{}", false},
		{"unfinished", `{"client_name":"x"`, false},
		{"trailing comma", `{"client_name":"x",}`, false},
		{"comment", `{} // x`, false},
		{"trailing data", `{} {}`, false},
		{"trailing bracket", `{}]`, false},
		{"member twice", `{"client_name":"a","client_name":"b"}`, false},
		{"member twice, spelled otherwise", `{"client_name":"a","client\u005fname":"b"}`, false},
		{"member twice, after a number that is too big", `{"n":1e999,"client_name":"a","client_name":"b"}`, false},
		{"unknown member twice", `{"x":1,"x":2}`, false},
		{"member twice in the keys", `{"jwks":{"keys":[{"kty":"RSA","kty":"oct"}]}}`, false},
		{"nine levels", depth(9), false},
		{"many levels", depth(20_000), false},
		{"not UTF-8", "{\"client_name\":\"\xff\"}", false},
		{"not UTF-8 in what is ignored", "{\"x\":\"\xff\"}", false},
		{"half of a surrogate pair", `{"client_name":"\ud800"}`, false},
		{"NUL", `{"client_name":"a\u0000"}`, false},
		{"NUL in a list", `{"redirect_uris":["a\u0000"]}`, false},
		{"name is a number", `{"client_name":5}`, false},
		{"name is a list", `{"client_name":["x"]}`, false},
		{"URIs are text", `{"redirect_uris":"https://app.example/cb"}`, false},
		{"URIs have a number", `{"redirect_uris":[5]}`, false},
		{"URIs have null", `{"redirect_uris":[null]}`, false},
		{"keys are text", `{"jwks":"{}"}`, false},
		{"keys are a list", `{"jwks":[]}`, false},
		{"flag is text", `{"require_pushed_authorization_requests":"true"}`, false},
		{"flag is a number", `{"require_pushed_authorization_requests":1}`, false},
		{"client_id is an object", `{"client_id":{}}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := registration.Parse([]byte(tt.body))
			if tt.ok && err != nil || !tt.ok && !errors.Is(err, oauth.InvalidClientMetadata) {
				t.Errorf("Parse(%.60s) = %v", tt.body, err)
			}
			if tt.ok && r.Metadata.GetClientName() != "" {
				t.Errorf("Parse(%.60s) has the name %q", tt.body, r.Metadata.GetClientName())
			}
		})
	}
}

// RFC 7591 §3.2.1: with a secret comes the time of its expiry, 0 for never.
func TestPrint(t *testing.T) {
	client := &registryv1.ClientInformation{ClientId: "id", ClientIdIssuedAt: 1_700_000_000, Metadata: &registryv1.ClientMetadata{
		RedirectUris: []string{"https://app.example/cb"}, ClientName: `</script>"`, Jwks: `{"keys":[]}`,
	}}
	for _, tt := range []struct {
		name, secret, want string
	}{
		{
			"with a secret", "s",
			`{"client_id":"id","client_id_issued_at":1700000000,"client_secret":"s","client_secret_expires_at":0,` +
				`"registration_access_token":"t","registration_client_uri":"https://as.test/r/id","redirect_uris":["https://app.example/cb"],` +
				`"client_name":"\u003c/script\u003e\"","jwks":{"keys":[]},"require_pushed_authorization_requests":false}`,
		},
		{
			"without", "",
			`{"client_id":"id","client_id_issued_at":1700000000,` +
				`"registration_access_token":"t","registration_client_uri":"https://as.test/r/id","redirect_uris":["https://app.example/cb"],` +
				`"client_name":"\u003c/script\u003e\"","jwks":{"keys":[]},"require_pushed_authorization_requests":false}`,
		},
	} {
		got, err := registration.Print(registration.Response{Client: client, ClientSecret: tt.secret, AccessToken: "t", URI: "https://as.test/r/id"})
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: Print() = %s, %v, want %s", tt.name, got, err, tt.want)
		}
	}
	client.Metadata.Jwks = "{"
	if got, err := registration.Print(registration.Response{Client: client}); err == nil {
		t.Errorf("Print(keys that are no JSON) = %s", got)
	}
}

// What is accepted means the same when it is sent back.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		everyMember, `{}`, `{"client_name":"\ud83e\udd8a"}`, `{"jwks":{"keys":[{"n":"\u2028<"}]}}`, `{"redirect_uris":[]}`,
		`{"x":{"x":[{"x":1}]},"client_name":null}`, `{"a":1,"a":2}`, `[[[[[[[[[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		first, err := registration.Parse(body)
		if err != nil {
			if !errors.Is(err, oauth.InvalidClientMetadata) {
				t.Errorf("Parse() = %v", err)
			}
			return
		}
		printed, err := registration.Print(registration.Response{
			Client:       &registryv1.ClientInformation{ClientId: first.ClientID, Metadata: first.Metadata},
			ClientSecret: first.ClientSecret,
		})
		if err != nil {
			t.Fatalf("Print() = %v", err)
		}
		// It is never part of an answer.
		first.Metadata.TokenEndpointAuthMethodsSupported = nil
		second, err := registration.Parse(printed)
		if err != nil {
			t.Fatalf("Parse(%s) = %v", printed, err)
		}
		if second.ClientID != first.ClientID || second.ClientSecret != first.ClientSecret || !proto.Equal(second.Metadata, first.Metadata) {
			t.Errorf("%s became %s", body, printed)
		}
	})
}
