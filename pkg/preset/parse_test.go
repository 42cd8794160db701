package preset_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/strictyaml"
)

// valid is a file without a mistake. Tests change one text of it.
const valid = `name: acme
brand: {name: Acme, accent_light: "#1f5fbf", accent_dark: "#8ab4f8", logo_file: ""}
issuer_path: /oauth
paths:
  authorize: /oauth/auth
  token: /oauth/token
  registration: /oauth/register
  userinfo: /oauth/me
  jwks: /oauth/jwks
prefixes: {access_token: acoa, code: acac}
lifetimes: {access_token: 1h, refresh_token: 720h, refresh_absolute: 8760h, code: 60s, pushed_request: 90s}
clients:
  web: {token_endpoint_auth_method: client_secret_post, require_pkce: true}
  native: {token_endpoint_auth_method: none, grant_types: [authorization_code, refresh_token]}
  pkce_mandatory: true
  kinds:
    - {name: mcp, access_token: 24h, refresh_token: 0s}
registration: {mode: open, client_kind: mcp, max_clients: 10, per_hour: 5}
authorization: {required_scope: [openid]}
refresh: {confidential: never, public: threshold, threshold: 0.7, grace: 30s, needs_prompt_consent: false, unasked: true}
consent: {single_workspace: true}
validate: {workspace_url: "{issuer}/w/{slug}"}
resources: ["https://api.acme.io"]
scopes:
  - {name: openid, kind: identity, description: Know you, group: You}
  - {name: email, kind: identity, description: See your address, group: You, claims: [email]}
  - {name: work, kind: workspace, level: viewer, description: See your work, group: Work}
  - {name: run, kind: api, description: Run it, group: Work}
  - {name: introspect, kind: client, description: Ask, group: App}
`

// parse returns the mistakes of the valid file with one text in place of another.
func parse(t *testing.T, old, by string) []string {
	t.Helper()
	if strings.Count(valid, old) != 1 {
		t.Fatalf("%q is in the valid file %d times, want once", old, strings.Count(valid, old))
	}
	return mistakes(t, strings.Replace(valid, old, by, 1))
}

func mistakes(t *testing.T, content string) []string {
	t.Helper()
	_, err := preset.Parse("f", []byte(content))
	if err == nil {
		return nil
	}
	var found *strictyaml.Mistakes
	if !errors.As(err, &found) {
		t.Fatalf("Parse() = %v, want *Mistakes", err)
	}
	return strings.Split(found.Error(), "\n")
}

func TestFileIsReadOverTheDefault(t *testing.T) {
	p, err := preset.Parse("f", []byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "acme" || p.Paths.Authorize != "/oauth/auth" || p.Clients.Kinds[0].AccessToken != 24*time.Hour || len(p.Scopes) != 5 {
		t.Errorf("Parse() = %+v", p)
	}
	d := preset.Default()
	if p.Paths.Revoke != d.Paths.Revoke || p.Lifetimes.IDToken != d.Lifetimes.IDToken || !cmp.Equal(p.Clients.Web.GrantTypes, d.Clients.Web.GrantTypes) {
		t.Errorf("Parse() = %+v, want what the file leaves out as in the default", p)
	}
}

// A file with nothing but a name is the default under another name.
func TestNameIsEnough(t *testing.T) {
	p, err := preset.Parse("f", []byte("name: acme\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := preset.Default()
	want.Name = "acme"
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("Parse() differs from the default:\n%s", diff)
	}
}

// Each case has one mistake; the twin beside it has none.
func TestEachContradictionIsFoundWhereItIs(t *testing.T) {
	tests := []struct{ name, old, bad, want, good string }{
		{"unknown key", "consent: {single_workspace: true}", "consent: {single_worksapce: true}", "f:21:11: consent.single_worksapce: unknown key: did you mean single_workspace?", "consent: {single_workspace: false}"},
		{"twice", "name: acme\n", "name: acme\nname: acme\n", "f:2:1: name: is there twice", "name: other\n"},
		{"no name", "name: acme\n", "", "f:1:1: name: is required", "name: a1\n"},
		{"name", "name: acme\n", "name: Acme\n", "f:1:7: name: want lower-case", "name: acme-2\n"},
		{"brand", "brand: {name: Acme,", `brand: {name: "",`, "f:2:15: brand.name: is required", "brand: {name: A,"},
		{"brand of two lines", "brand: {name: Acme,", `brand: {name: "Ac\nme",`, "f:2:15: brand.name: want one line", `brand: {name: "Ac me",`},
		{"brand too long", "brand: {name: Acme,", "brand: {name: " + strings.Repeat("名", 65) + ",", "f:2:15: brand.name: want one line of at most 64", "brand: {name: " + strings.Repeat("名", 64) + ","},
		{"light accent", `"#1f5fbf"`, `"#1f5fb"`, "f:2:35: brand.accent_light: want a colour", `"#1F5FBF"`},
		{"dark accent", `"#8ab4f8"`, `blue`, "f:2:59: brand.accent_dark: want a colour", `"#000000"`},
		{"logo", `logo_file: ""`, `logo_file: logo.html`, "f:2:81: brand.logo_file: want a file that ends with", `logo_file: logo.SVG`},
		{"issuer path without a slash", "issuer_path: /oauth", "issuer_path: oauth", "f:3:14: issuer_path: want a path", "issuer_path: /id/oauth"},
		{"issuer path with a slash at the end", "issuer_path: /oauth", "issuer_path: /oauth/", "f:3:14: issuer_path: want a path", `issuer_path: ""`},
		{"issuer path among metadata", "issuer_path: /oauth", "issuer_path: /.well-known/oauth", "f:3:14: issuer_path: cannot be below", "issuer_path: /well-known/oauth"},
		{"issuer path among pages", "issuer_path: /oauth", "issuer_path: /demo/id", "f:3:14: issuer_path: is within /demo", "issuer_path: /demos/id"},
		{"path without a slash", "authorize: /oauth/auth", "authorize: oauth/auth", "f:5:14: paths.authorize: want a path", "authorize: /auth"},
		{"path with a query", "authorize: /oauth/auth", "authorize: /oauth/auth?x", "f:5:14: paths.authorize: want a path", "authorize: /oauth/auth.x"},
		{"path that goes up", "authorize: /oauth/auth", "authorize: /oauth/../auth", "f:5:14: paths.authorize: want a path", "authorize: /oauth/..auth"},
		{"endpoint that is always there", "  token: /oauth/token\n", "  token: \"\"\n", "f:6:10: paths.token: is required", "  revoke: \"\"\n"},
		{"path twice", "token: /oauth/token", "token: /oauth/auth", "f:6:10: paths.token: is the path of paths.authorize as well", "token: /oauth/auth2"},
		{"path of a page", "userinfo: /oauth/me", "userinfo: /account/me", "f:8:13: paths.userinfo: is within /account", "userinfo: /accounts/me"},
		{"path of administration", "userinfo: /oauth/me", "userinfo: /v1", "f:8:13: paths.userinfo: is within /v1", "userinfo: /v1me"},
		{"path among metadata", "userinfo: /oauth/me", "userinfo: /.well-known/me", "f:8:13: paths.userinfo: is within /.well-known", "userinfo: /well-known/me"},
		{"path of metadata", "userinfo: /oauth/me", "userinfo: /oauth/.well-known/openid-configuration", "f:8:13: paths.userinfo: is where metadata", "userinfo: /oauth/openid-configuration"},
		{"keys in place of metadata", "jwks: /oauth/jwks", "jwks: /.well-known/openid-configuration", "f:9:9: paths.jwks: is where metadata", "jwks: /.well-known/jwks.json"},
		{"path below registration", "userinfo: /oauth/me", "userinfo: /oauth/register/me", "f:8:13: paths.userinfo: is below paths.registration", "userinfo: /oauth/registered"},
		{"prefix", "access_token: acoa", "access_token: ac_oa", "f:10:26: prefixes.access_token: want lower-case", "access_token: ac0a"},
		{"prefix twice", "code: acac", "code: acoa", "f:10:38: prefixes.code: is the prefix of prefixes.access_token as well", "code: acob"},
		{"access token too long", "access_token: 1h", "access_token: 24h1s", "f:11:27: lifetimes.access_token: want from 1s to 24h", "access_token: 24h"},
		{"no lifetime", "access_token: 1h", "access_token: 0s", "f:11:27: lifetimes.access_token: want from 1s", "access_token: 1s"},
		{"code too long", "code: 60s", "code: 10m1s", "f:11:83: lifetimes.code: want from 1s to 10m", "code: 10m"},
		{"pushed request too long", "pushed_request: 90s", "pushed_request: 10m", "f:11:104: lifetimes.pushed_request: want from 1s to 9m59s", "pushed_request: 9m59s"},
		{"chain shorter than its tokens", "refresh_absolute: 8760h", "refresh_absolute: 719h", "f:11:70: lifetimes.refresh_absolute: want no less", "refresh_absolute: 720h"},
		{"session shorter than its pause", "code: 60s", "session_idle: 13h", "f:11:1: lifetimes.session_absolute: want no less", "session_idle: 12h"},
		{"authentication", "client_secret_post", "client_secret_jwt", "f:13:37: clients.web.token_endpoint_auth_method: want client_secret_basic", "private_key_jwt"},
		{"native client with a secret", "token_endpoint_auth_method: none", "token_endpoint_auth_method: client_secret_basic", "f:14:40: clients.native.token_endpoint_auth_method: want none", `token_endpoint_auth_method: "none"`},
		{"grant type", "[authorization_code, refresh_token]", "[authorization_code, password]", "f:14:80: clients.native.grant_types[1]: want authorization_code", "[authorization_code]"},
		{"no code", "[authorization_code, refresh_token]", "[refresh_token]", "f:14:46: clients.native.grant_types: want authorization_code among them", "[refresh_token, authorization_code]"},
		{"native client by itself", "[authorization_code, refresh_token]", "[authorization_code, client_credentials]", "f:14:46: clients.native.grant_types: client_credentials is for", "[authorization_code]"},
		{"web client without credentials by itself", "client_secret_post, require_pkce: true", "none, grant_types: [authorization_code, client_credentials]", "f:13:43: clients.web.grant_types: client_credentials is for", "none, grant_types: [authorization_code]"},
		{"PKCE mandatory and not", "require_pkce: true", "require_pkce: false", "f:13:71: clients.web.require_pkce: contradicts", "grant_types: [authorization_code, client_credentials]"},
		{"kind without a name", "{name: mcp, access_token: 24h, refresh_token: 0s}", "{name: mcp}\n    - {access_token: 1h}", "f:18:7: clients.kinds[1].name: is required", "{name: mcp}\n    - {name: bot}"},
		{"kind twice", "{name: mcp, access_token: 24h, refresh_token: 0s}", "{name: mcp}\n    - {name: mcp}", "f:18:14: clients.kinds[1].name: is there twice", "{name: mcp}\n    - {name: mcp2}"},
		{"access token of a kind", "access_token: 24h", "access_token: 25h", "f:17:33: clients.kinds[0].access_token: want from 0s to 24h", "access_token: 0s"},
		{"refresh token of a kind", "refresh_token: 0s", "refresh_token: 8761h", "f:17:53: clients.kinds[0].refresh_token: want from 0s to 8760h", "refresh_token: 8760h"},
		{"access token of a kind that is over at once", "access_token: 24h", "access_token: 999ms", "f:17:33: clients.kinds[0].access_token: want at least 1s", "access_token: 1s"},
		{"mode of registration", "mode: open", "mode: yes", "f:18:22: registration.mode: want off, token or open", "mode: off"},
		{"registration nowhere", "  registration: /oauth/register\n", "  registration: \"\"\n", "f:18:22: registration.mode: needs paths.registration", "  registration: /register\n"},
		{"kind of registration", "client_kind: mcp", "client_kind: bot", "f:18:41: registration.client_kind: is not one of", `client_kind: ""`},
		{"no registrations", "per_hour: 5", "per_hour: 0", "f:18:73: registration.per_hour: want from 1", "per_hour: 1"},
		{"no clients", "max_clients: 10", "max_clients: 0", "f:18:59: registration.max_clients: want from 1", "max_clients: 1"},
		{"required scope unknown", "[openid]", "[openid, phone]", "f:19:42: authorization.required_scope[1]: is not one of scopes", "[openid, email]"},
		{"required scope of a client", "[openid]", "[introspect]", "f:19:34: authorization.required_scope[0]: is of the kind client", "[]"},
		{"default scope unknown", "required_scope: [openid]", "required_scope: [openid], default_scope: [openid, phone]", "f:19:67: authorization.default_scope[1]: is not one of scopes", "required_scope: [openid], default_scope: [openid, email]"},
		{"default scope of a client", "required_scope: [openid]", "default_scope: [introspect]", "f:19:33: authorization.default_scope[0]: is of the kind client", "default_scope: [work]"},
		{"default scope twice", "required_scope: [openid]", "default_scope: [email, email]", "f:19:40: authorization.default_scope[1]: is there twice", "default_scope: [email]"},
		{"default scope that would be refused", "required_scope: [openid]", "required_scope: [openid], default_scope: [email]", "f:19:43: authorization.default_scope: want authorization.required_scope in it", "required_scope: [openid], default_scope: [email, openid]"},
		{"default scope that nobody gets", "required_scope: [openid]", "scope_mandatory: true, default_scope: [email]", "f:19:40: authorization.default_scope: contradicts", "scope_mandatory: true"},
		{"rotation", "confidential: never", "confidential: sometimes", "f:20:25: refresh.confidential: want always, threshold or never", "confidential: always"},
		{"public clients that never rotate", "public: threshold", "public: never", "f:20:40: refresh.public: never is for clients with credentials", "public: always"},
		{"threshold below", "threshold: 0.7", "threshold: -0.01", "f:20:62: refresh.threshold: want from 0 to 1", "threshold: 0"},
		{"threshold above", "threshold: 0.7", "threshold: 1.01", "f:20:62: refresh.threshold: want from 0 to 1", "threshold: 1"},
		{"grace", "grace: 30s", "grace: 1h1s", "f:20:74: refresh.grace: want from 0s to 1h", "grace: 1h"},
		{"negative grace", "grace: 30s", "grace: -1s", "f:20:74: refresh.grace: want from 0s", "grace: 0s"},
		{"N321 no window", "grace: 30s", "window: 0s", "f:20:75: refresh.window: want auto, strict, or a duration", "window: strict"},
		{"N321 longer window", "grace: 30s", "window: 24h1s", "f:20:75: refresh.window: want from 1s to 24h", "window: 24h"},
		{"N321 kind's window", "refresh_token: 0s}", "window: 500ms}", "f:17:46: clients.kinds[0].window: want from 1s to 24h", "window: 20m}"},
		{"N321 kind's window longer than its tokens", "refresh_token: 0s}", "refresh_token: 2h, window: 2h1s}", "f:17:65: clients.kinds[0].window: the window, 2h0m1s, is longer than refresh tokens live, 2h", "refresh_token: 2h, window: 2h}"},
		{"no families", "grace: 30s", "max_families: 0", "f:20:81: refresh.max_families: want from 1", "max_families: 1"},
		{"unasked, and only when asked", "needs_prompt_consent: false", "needs_prompt_consent: true", "f:20:116: refresh.unasked: contradicts", "needs_prompt_consent: false"},
		{"one workspace of none", "name: work, kind: workspace", "name: work, kind: project", "f:21:29: consent.single_workspace: needs a scope", "name: works, kind: workspace"},
		{"placeholder", "{slug}", "{name}", "f:22:27: validate.workspace_url: want no other placeholder", "{id}"},
		{"half a placeholder", "{slug}", "{slug", "f:22:27: validate.workspace_url: want no other placeholder", "slug"},
		{"resource", `["https://api.acme.io"]`, `[api]`, "f:23:13: resources[0]: want an absolute URI", `["urn:api"]`},
		{"resource twice", `["https://api.acme.io"]`, `["urn:api", "urn:api"]`, "f:23:24: resources[1]: is there twice", `["urn:api", "urn:b"]`},
		{"scope twice", "name: email", "name: openid", "f:26:12: scopes[1].name: is there twice", "name: mail"},
		{"scope without a name", "name: email, ", "", "f:26:5: scopes[1].name: is required", "name: a, "},
		{"scope with a space", "name: email", "name: e mail", "f:26:12: scopes[1].name: want a scope token", "name: e/mail"},
		{"scope that permits nothing", "name: email", `name: "-"`, "f:26:12: scopes[1].name: is reserved", `name: "--"`},
		{"scope without words", "description: See your address, ", "", "f:26:5: scopes[1].description: is required", "description: x, "},
		{"scope without a heading", "description: See your address, group: You", "description: See your address", "f:26:5: scopes[1].group: is required", "description: See your address, group: Us"},
		{"scope without a kind", "name: run, kind: api", "name: run", "f:28:5: scopes[3].kind: is required", "name: run, kind: identity"},
		{"kind", "name: run, kind: api", "name: run, kind: apis", "f:28:23: scopes[3].kind: want identity, api, workspace, project or client", "name: run, kind: client"},
		{"right of clients that users grant", "name: introspect, kind: client", "name: introspect, kind: api", "f:29:30: scopes[4].kind: want client", "name: introspection, kind: api"},
		{"right of clients that anybody has", "name: introspect, kind: client", "name: introspect, kind: identity", "f:29:30: scopes[4].kind: want client", "name: introspect2, kind: identity"},
		{"offline access that opens a resource", "name: run, kind: api", "name: offline_access, kind: api", "f:28:34: scopes[3].kind: want identity", "name: offline_access, kind: identity"},
		{"level", "level: viewer", "level: owner", "f:27:42: scopes[2].level: want viewer, member or admin", "level: admin"},
		{"N302 implies what is not there", "level: viewer, ", "level: viewer, implies: [play], ", "f:27:60: scopes[2].implies[0]: is not one of scopes", "implies: [], level: viewer, "},
		{"N302 implies another kind", "level: viewer, ", "level: viewer, implies: [email], ", "f:27:60: scopes[2].implies[0]: is of another kind", "level: viewer, implies: [], "},
		{"N302 implies itself", "level: viewer, ", "level: viewer, implies: [work], ", "f:27:60: scopes[2].implies[0]: is the scope itself", "level: viewer, implies: [], "},
		{"no level", "level: viewer, ", "", "f:27:5: scopes[2].level: is required for the kind workspace", "level: member, "},
		{"level of an API", "name: run, kind: api", "name: run, kind: api, level: viewer", "f:28:35: scopes[3].level: is for the kinds workspace and project alone", "name: run, kind: project, level: viewer"},
		{"claims of an API", "name: run, kind: api", "name: run, kind: api, claims: [run]", "f:28:28: scopes[3].claims: are for the kind identity alone", "name: run, kind: identity, claims: [run]"},
		{"claim of the token", "claims: [email]", "claims: [email, aud]", "f:26:94: scopes[1].claims[1]: is not a claim about the user", "claims: [email, name]"},
		{"claim twice", "claims: [email]", "claims: [email, email]", "f:26:94: scopes[1].claims[1]: is there twice", "claims: [email, email_verified]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := parse(t, tt.old, tt.bad); len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Errorf("mistakes are\n  %s\nwant one that begins with\n  %s", strings.Join(got, "\n  "), tt.want)
			}
			if got := parse(t, tt.old, tt.good); len(got) != 0 {
				t.Errorf("the twin %q has mistakes:\n  %s", tt.good, strings.Join(got, "\n  "))
			}
		})
	}
}

func TestN321_WindowIsNoLongerThanTokensLive(t *testing.T) {
	for name, tt := range map[string]struct{ window, kinds, want string }{
		"longer":                      {"2h1s", "[]", "f:3:19: refresh.window: the window, 2h0m1s, is longer than refresh tokens live, 2h"},
		"as long":                     {"2h", "[]", ""},
		"auto":                        {"auto", "[{name: a, refresh_token: 1s}]", ""},
		"longer than a kind's tokens": {"2h", "[{name: a, refresh_token: 119m59s}]", "f:4:44: clients.kinds[0].refresh_token: the window, 2h, is longer than refresh tokens live, 1h59m59s"},
		"as long as a kind's tokens":  {"2h", "[{name: a, refresh_token: 2h}]", ""},
		"not that of a strict kind":   {"2h", "[{name: a, refresh_token: 1h, window: strict}]", ""},
		"a kind's longer":             {"1h", "[{name: a, window: 121m}]", "f:4:37: clients.kinds[0].window: the window, 2h1m, is longer than refresh tokens live, 2h"},
		"a kind's as long":            {"1h", "[{name: a, window: 2h}]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			content := "name: acme\nlifetimes: {refresh_token: 2h}\nrefresh: {window: " + tt.window + "}\nclients: {kinds: " + tt.kinds + "}\n"
			if got := strings.Join(mistakes(t, content), "\n"); got != tt.want {
				t.Errorf("mistakes are\n  %s\nwant\n  %s", got, tt.want)
			}
		})
	}
}

func TestOpenIDIsNeeded(t *testing.T) {
	const file = "name: acme\nscopes:\n  - {name: mail, kind: %, description: Know you, group: You}\n"
	got := mistakes(t, strings.Replace(file, "%", "identity", 1))
	if len(got) != 1 || !strings.HasPrefix(got[0], "f:2:1: scopes: want openid among them") {
		t.Errorf("mistakes are %q", got)
	}
	if got := mistakes(t, strings.NewReplacer("%", "identity", "mail", "openid").Replace(file)); len(got) != 0 {
		t.Errorf("mistakes are %q, want none", got)
	}
	if got := mistakes(t, strings.NewReplacer("%", "api", "mail", "openid").Replace(file)); len(got) != 1 {
		t.Errorf("mistakes of openid as a right are %q, want one", got)
	}
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	got := mistakes(t, "brand: {name: \"\"}\nlifetimes: {code: 1}\nrefresh: {public: never}\nscope: []\n")
	want := []string{"f:1:1: name: is required", "f:1:15: brand.name", "f:2:19: lifetimes.code: want a duration", "f:3:19: refresh.public", "f:4:1: scope: unknown key: did you mean scopes?"}
	if len(got) != len(want) {
		t.Fatalf("mistakes are\n  %s\nwant %d", strings.Join(got, "\n  "), len(want))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("mistake %d is %q, want %q", i, got[i], want[i])
		}
	}
}

// printed is the preset as a file.
func printed(t *testing.T, p preset.Preset) string {
	t.Helper()
	var b bytes.Buffer
	if err := preset.Print(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPrintedPresetIsTheSame(t *testing.T) {
	acme, err := preset.Parse("f", []byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []preset.Preset{preset.Default(), acme} {
		again, err := preset.Parse("f", []byte(printed(t, p)))
		if err != nil {
			t.Fatalf("what is printed has mistakes: %v", err)
		}
		if diff := cmp.Diff(p, again); diff != "" {
			t.Errorf("%s printed and read again:\n%s", p.Name, diff)
		}
	}
}

func TestPrintExplainsEveryKey(t *testing.T) {
	acme, err := preset.Parse("f", []byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	rest := printed(t, acme)
	for _, key := range preset.Keys() {
		name := key[strings.LastIndexByte(key, '.')+1:]
		at := regexp.MustCompile(`(?m)^ *# .*\n *(# )?` + name + `:`).FindStringIndex(rest)
		if at == nil {
			t.Fatalf("%s is not there with a comment", key)
		}
		rest = rest[at[1]:]
	}
}

// A logo's path is relative to the file, so that a preset can be anywhere.
func TestLogoIsBesideTheFile(t *testing.T) {
	p, err := preset.Parse("/etc/chancery/acme.yaml", []byte("name: acme\nbrand: {logo_file: logo.png}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "/etc/chancery/logo.png"; p.Brand.LogoFile != want {
		t.Errorf("LogoFile is %q, want %q", p.Brand.LogoFile, want)
	}
}

// What passes once passes again when it is written out, as the same; everything
// else is mistakes.
func FuzzParse(f *testing.F) {
	f.Add(valid)
	f.Add("name: a\nscopes: [{name: *x}]")
	f.Add("name: a\nscopes:\n- ? {a: b}\n  : c\n")
	f.Fuzz(func(t *testing.T, content string) {
		p, err := preset.Parse("f", []byte(content))
		if err != nil {
			if len(mistakes(t, content)) == 0 {
				t.Errorf("Parse() = %v without mistakes", err)
			}
			return
		}
		again, err := preset.Parse("f", []byte(printed(t, p)))
		if err != nil || !cmp.Equal(p, again) {
			t.Errorf("printed and read again: %v\n%s", err, cmp.Diff(p, again))
		}
	})
}
