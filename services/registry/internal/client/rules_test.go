package client_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clienttest"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

// provider is the default one, with kinds of clients and room for two that
// register themselves.
func provider() preset.Preset {
	p := preset.Default()
	p.Clients.Kinds = []preset.ClientKind{{Name: "mcp"}, {Name: "cli"}, {Name: "short", RefreshToken: 12 * time.Hour}, {Name: "windowed", Window: preset.Window(time.Hour)}}
	p.Registration.ClientKind, p.Registration.MaxClients = "mcp", 2
	return p
}

func newRegistrar(t testing.TB) *client.Registrar {
	t.Helper()
	return registrarOn(sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set()))
}

func registrarOn(db *sqlite.DB) *client.Registrar {
	clients := client.NewStore(database.SQLite(db), preset.RestrictionKeep)
	return &client.Registrar{
		Clients:      clients,
		Policy:       client.PolicyOf(provider()),
		SecretPrefix: "chcs",
	}
}

// web returns a confidential web client that keeps every rule. So do the other
// three.
func web() client.Client {
	return client.Client{
		ClientName:              "Example",
		ApplicationType:         oauth.ApplicationWeb,
		TokenEndpointAuthMethod: oauth.AuthClientSecretBasic,
		RedirectURIs:            []string{"https://app.example/cb"},
		GrantTypes:              []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken},
		Scope:                   oauth.Scope{"openid", "email"},
		RequirePKCE:             true,
		Vetted:                  true,
	}
}

func browser() client.Client {
	c := web()
	c.TokenEndpointAuthMethod = oauth.AuthNone
	return c
}

func native() client.Client {
	c := browser()
	c.ApplicationType = oauth.ApplicationNative
	c.RedirectURIs = []string{"http://127.0.0.1/cb", "com.example.app:/cb"}
	return c
}

func machine() client.Client {
	c := web()
	c.GrantTypes = []string{oauth.GrantClientCredentials}
	c.RedirectURIs, c.Scope = nil, nil
	return c
}

// methods has a client authenticate by the first of them, or any other.
func methods(keys string, all ...string) func(*client.Client) {
	return func(c *client.Client) {
		c.JWKS, c.TokenEndpointAuthMethod, c.TokenEndpointAuthMethodsSupported = keys, all[0], all
	}
}

// ruleCase is a client made by a change of one that keeps every rule.
type ruleCase struct {
	name   string
	base   func() client.Client
	change func(*client.Client)
	want   string // how the message begins; empty if the client is registered
}

func checkRules(t *testing.T, cases []ruleCase) {
	t.Helper()
	r := newRegistrar(t)
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.base()
			tt.change(&c)
			_, _, err := r.Create(t.Context(), c)
			checkInvalid(t, err, tt.want)
		})
	}
}

// checkInvalid wants a refusal whose message begins with want, or none if want
// is empty.
func checkInvalid(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("got %v, want success", err)
		}
		return
	}
	var refusal *fault.Error
	if !errors.As(err, &refusal) || refusal.Kind != fault.Invalid || !strings.HasPrefix(refusal.Message, want) {
		t.Errorf("got %v, want invalid: %s", err, want)
	}
}

func same(*client.Client) {}

func TestKindsOfClient(t *testing.T) {
	keys := clienttest.PublicKeys(t)
	checkRules(t, []ruleCase{
		{"web", web, same, ""},
		{"web without authentication", browser, same, ""},
		{"native", native, same, ""},
		{"machine", machine, same, ""},
		{"unknown application type", web, func(c *client.Client) { c.ApplicationType = "Web" }, "application_type must"},
		{"unknown method", web, func(c *client.Client) { c.TokenEndpointAuthMethod = "client_secret_jwt" }, "token_endpoint_auth_method must"},
		{"post", web, func(c *client.Client) { c.TokenEndpointAuthMethod = oauth.AuthClientSecretPost }, ""},
		{"native with a secret", native, func(c *client.Client) { c.TokenEndpointAuthMethod = oauth.AuthClientSecretPost }, "token_endpoint_auth_method of a native"},
		{"native with a key", native, func(c *client.Client) { c.TokenEndpointAuthMethod, c.JWKS = oauth.AuthPrivateKeyJWT, keys }, "token_endpoint_auth_method of a native"},
		{"assertions with keys", web, func(c *client.Client) { c.TokenEndpointAuthMethod, c.JWKS = oauth.AuthPrivateKeyJWT, keys }, ""},
		{"assertions beside a secret", web, methods(keys, oauth.AuthClientSecretBasic, oauth.AuthPrivateKeyJWT), ""},
		{"assertions beside a secret, without keys", web, methods("", oauth.AuthClientSecretBasic, oauth.AuthPrivateKeyJWT), "jwks is required"},
		{"both with a secret", web, methods("", oauth.AuthClientSecretPost, oauth.AuthClientSecretBasic), ""},
		{"none beside a secret", web, methods("", oauth.AuthNone, oauth.AuthClientSecretBasic), "token_endpoint_auth_methods_supported must not have none"},
		{"a secret beside none", browser, methods("", oauth.AuthClientSecretBasic, oauth.AuthNone), "token_endpoint_auth_methods_supported must not have none"},
		{"none alone in its list", browser, methods("", oauth.AuthNone), ""},
		{"an unknown method beside another", web, methods("", oauth.AuthClientSecretBasic, "tls_client_auth"), "token_endpoint_auth_methods_supported must each be"},
		{"a method that is not in the list", web, func(c *client.Client) { c.TokenEndpointAuthMethodsSupported = []string{oauth.AuthClientSecretPost} }, "token_endpoint_auth_methods_supported must have"},
		{"native with a list", native, methods("", oauth.AuthClientSecretBasic), "token_endpoint_auth_method of a native"},
		{"assertions without keys", web, func(c *client.Client) { c.TokenEndpointAuthMethod = oauth.AuthPrivateKeyJWT }, "jwks is required"},
		{"keys that are not in use yet", web, func(c *client.Client) { c.JWKS = keys }, ""},
	})
}

func TestGrantTypes(t *testing.T) {
	grants := func(g ...string) func(*client.Client) {
		return func(c *client.Client) { c.GrantTypes = g }
	}
	checkRules(t, []ruleCase{
		{"code alone", web, grants(oauth.GrantAuthorizationCode), ""},
		{"all", web, grants(oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials), ""},
		{"unknown", web, grants(oauth.GrantAuthorizationCode, "password"), "grant_types must be of"},
		{"twice", web, grants(oauth.GrantAuthorizationCode, oauth.GrantAuthorizationCode), "grant_types must not name one twice"},
		{"client_credentials without authentication", browser, grants(oauth.GrantAuthorizationCode, oauth.GrantClientCredentials), "grant_types of a client without authentication"},
		{"refresh without code", machine, grants(oauth.GrantClientCredentials, oauth.GrantRefreshToken), "grant_types with refresh_token"},
		{"code without redirect URI", web, func(c *client.Client) { c.RedirectURIs = nil }, "redirect_uris is required"},
		{"redirect URI without code", machine, func(c *client.Client) { c.RedirectURIs = web().RedirectURIs }, "redirect_uris is only for"},
	})
}

func TestScopes(t *testing.T) {
	scope := func(names ...string) func(*client.Client) {
		return func(c *client.Client) { c.Scope = names }
	}
	checkRules(t, []ruleCase{
		{"of the catalogue", web, scope("workspace:admin", "offline_access"), ""},
		{"unknown", web, scope("openid", "OpenID"), "scope must be of"},
		{"right of a confidential client", machine, scope("introspect"), ""},
		{"right of a public client", browser, scope("introspect"), "scope of a client without authentication"},
		{"default in scope", web, func(c *client.Client) { c.DefaultScope = oauth.Scope{"email"} }, ""},
		{"default outside scope", web, func(c *client.Client) { c.DefaultScope = oauth.Scope{"email", "phone"} }, "default_scope must"},
	})
}

func TestPolicies(t *testing.T) {
	grace := func(d time.Duration) func(*client.Client) {
		return func(c *client.Client) { c.RefreshGrace = &d }
	}
	window := func(d time.Duration) func(*client.Client) {
		return func(c *client.Client) { c.RefreshWindow = &d }
	}
	access := func(d time.Duration) func(*client.Client) {
		return func(c *client.Client) { c.AccessTokenLifetime = d }
	}
	refresh := func(d time.Duration) func(*client.Client) {
		return func(c *client.Client) { c.RefreshTokenLifetime = d }
	}
	rotate := func(name string) func(*client.Client) {
		return func(c *client.Client) { c.RefreshRotation = name }
	}
	noPKCE := func(c *client.Client) { c.RequirePKCE = false }
	const year = 365 * 24 * time.Hour
	checkRules(t, []ruleCase{
		{"confidential without PKCE", web, noPKCE, ""},
		{"public without PKCE", browser, noPKCE, "require_pkce of"},
		{"ES256", web, func(c *client.Client) { c.IDTokenSignedResponseAlg = "ES256" }, ""},
		{"alg none", web, func(c *client.Client) { c.IDTokenSignedResponseAlg = "none" }, "id_token_signed_response_alg must"},
		{"HS256", web, func(c *client.Client) { c.IDTokenSignedResponseAlg = "HS256" }, "id_token_signed_response_alg must"},
		{"access token of one second", web, access(time.Second), ""},
		{"longest access token", web, access(preset.LongestAccessToken), ""},
		{"longer access token", web, access(preset.LongestAccessToken + time.Second), "access_token_lifetime"},
		{"negative access token", web, access(-time.Second), "access_token_lifetime"},
		{"half a second", web, access(500 * time.Millisecond), "access_token_lifetime"},
		{"longest refresh token", web, refresh(year), ""},
		{"longer refresh token", web, refresh(year + time.Second), "refresh_token_lifetime"},
		{"negative refresh token", web, refresh(-time.Second), "refresh_token_lifetime"},
		{"no grace", web, grace(0), ""},
		{"an hour of grace", web, grace(time.Hour), ""},
		{"more grace", web, grace(time.Hour + time.Second), "refresh_grace"},
		{"negative grace", web, grace(-time.Second), "refresh_grace"},
		{"N321 strict", browser, window(0), ""},
		{"N321 a day of window", browser, window(24 * time.Hour), ""},
		{"N321 a longer window", browser, window(24*time.Hour + time.Second), "refresh_window must"},
		{"N321 a window longer than its tokens", web, func(c *client.Client) { window(8 * time.Hour)(c); refresh(8*time.Hour - time.Second)(c) }, "refresh_window must not be longer than refresh_token_lifetime: for this client they are 8h and 7h59m59s"},
		{"N321 a window as long as its tokens", web, func(c *client.Client) { window(8 * time.Hour)(c); refresh(8 * time.Hour)(c) }, ""},
		{"N321 a window longer than its kind's tokens", web, func(c *client.Client) { window(13 * time.Hour)(c); c.ClientKind = "short" }, "refresh_window must not be longer than refresh_token_lifetime: for this client they are 13h and 12h"},
		{"N321 a window as long as its kind's tokens", web, func(c *client.Client) { window(12 * time.Hour)(c); c.ClientKind = "short" }, ""},
		{"N321 tokens shorter than its kind's window", web, func(c *client.Client) { refresh(time.Hour - time.Second)(c); c.ClientKind = "windowed" }, "refresh_window must not be longer than refresh_token_lifetime: for this client they are 1h and 59m59s"},
		{"N321 tokens as long as its kind's window", web, func(c *client.Client) { refresh(time.Hour)(c); c.ClientKind = "windowed" }, ""},
		{"N321 short tokens, strict", web, func(c *client.Client) { refresh(time.Second)(c); window(0)(c); c.ClientKind = "windowed" }, ""},
		{"N321 negative window", browser, window(-time.Second), "refresh_window must"},
		{"N321 window of half a second", browser, window(500 * time.Millisecond), "refresh_window must"},
		{"threshold without authentication", browser, rotate(client.RotateThreshold), ""},
		{"never, confidential", web, rotate(client.RotateNever), ""},
		{"never, public", browser, rotate(client.RotateNever), "refresh_rotation of"},
		{"unknown rotation", web, rotate("sometimes"), "refresh_rotation must"},
	})
}

func TestPages(t *testing.T) {
	uri := func(s string) func(*client.Client) {
		return func(c *client.Client) { c.LogoURI = s }
	}
	checkRules(t, []ruleCase{
		{"https", web, uri("https://app.example:8443/logo.png?v=1#top"), ""},
		{"http to this machine", web, uri("http://[::1]:3000/logo.png"), ""},
		{"http", web, uri("http://app.example/logo.png"), "logo_uri must"},
		{"http to a name that begins like this machine", web, uri("http://localhost.evil.test/"), "logo_uri must"},
		{"javascript", web, uri("javascript:alert(1)//"), "logo_uri must"},
		{"data", web, uri("data:image/png;base64,AA"), "logo_uri must"},
		{"user information", web, uri("https://app.example@evil.test/"), "logo_uri must"},
		{"no host", web, uri("https:///logo.png"), "logo_uri must"},
		{"port without host", web, uri("https://:443/logo.png"), "logo_uri must"},
		{"relative", web, uri("/logo.png"), "logo_uri must"},
		{"quote", web, uri(`https://app.example/"onerror=`), "logo_uri must"},
		{"name outside ASCII", web, uri("https://аpp.example/"), "logo_uri must"},
		{"2048 bytes", web, uri("https://app.example/" + strings.Repeat("a", 2028)), ""},
		{"2049 bytes", web, uri("https://app.example/" + strings.Repeat("a", 2029)), "logo_uri must"},
		{"another field", web, func(c *client.Client) { c.TosURI = "ftp://app.example/" }, "tos_uri must"},
	})
}

func TestAudience(t *testing.T) {
	audience := func(a ...string) func(*client.Client) {
		return func(c *client.Client) { c.Audience = a }
	}
	many := make([]string, 21)
	for i := range many {
		many[i] = fmt.Sprintf("urn:example:%d", i)
	}
	checkRules(t, []ruleCase{
		{"20 entries", web, audience(many[:20]...), ""},
		{"21 entries", web, audience(many...), "audience must"},
		{"absolute", web, audience("https://api.example/", "urn:example:api"), ""},
		{"relative", web, audience("api"), "audience must"},
		{"fragment", web, audience("https://api.example/#a"), "audience must"},
		{"space", web, audience("https://api.example/ https://b.example"), "audience must"},
		{"empty", web, audience(""), "audience must"},
		{"twice", web, audience("urn:a:b", "urn:a:b"), "audience must"},
	})
}
