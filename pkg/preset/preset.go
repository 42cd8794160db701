// Package preset describes a provider as data: which paths its endpoints have,
// which scopes there are and how they read to a user, how credentials look and how
// long they live, and what the policies of clients are where a client does not say.
//
// Services take the parts they need by value. Nothing here knows a database, a
// wire or a page.
package preset

import (
	"slices"
	"time"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// Preset is one provider. The zero value is not usable: start from [Default]. The
// tags are the keys of a preset file and what they mean.
type Preset struct {
	Name          string        `yaml:"name" help:"Name of the preset: lower-case letters, digits and hyphens. Required."`
	Brand         Brand         `yaml:"brand" help:"What the pages show of the platform."`
	IssuerPath    string        `yaml:"issuer_path" help:"Path of the issuer below its host, such as /oauth. Metadata is found below it. Empty: the issuer is the host."`
	Paths         Paths         `yaml:"paths" help:"Paths of the public endpoints below the issuer's host, each starting with a slash. An empty one is not offered: authorize, token, userinfo and jwks are always."`
	Prefixes      Prefixes      `yaml:"prefixes" help:"Beginnings of credentials, each followed by an underscore, by which people and secret scanners tell them apart: lower-case letters and digits, each another."`
	Lifetimes     Lifetimes     `yaml:"lifetimes" help:"How long credentials live where a client has no value of its own."`
	Clients       Clients       `yaml:"clients" help:"What clients are where they do not say."`
	Registration  Registration  `yaml:"registration" help:"Dynamic client registration (RFC 7591)."`
	Authorization Authorization `yaml:"authorization" help:"What authorization requests must keep, beside the standards."`
	Refresh       Refresh       `yaml:"refresh" help:"Refresh tokens, where a client has no policy of its own."`
	Consent       Consent       `yaml:"consent" help:"The consent page."`
	IDToken       IDToken       `yaml:"id_token" help:"ID tokens (OIDC Core §2)."`
	Validate      Validate      `yaml:"validate" help:"The answer of the validate endpoint."`
	Scopes        Catalogue     `yaml:"scopes" help:"Every scope there is, in the order of display. A file that has the key replaces the whole list."`
	Resources     []string      `yaml:"resources" help:"Resource indicators (RFC 8707) that clients may ask for, beside the issuer itself: absolute URIs without a fragment."`
}

// Brand is what the pages show of the platform.
type Brand struct {
	Name        string `yaml:"name" help:"Name of the platform: completes the sentence \"wants to access your … account\"."`
	LogoFile    string `yaml:"logo_file" file:"" help:"Image file that is shown beside the name (SVG, PNG or WebP), relative to the preset's. Empty: none."`
	AccentLight string `yaml:"accent_light" help:"Colour of the primary button on a light page, as #rrggbb, with a contrast of 4.5 to its white text."`
	AccentDark  string `yaml:"accent_dark" help:"The same on a dark page, with a contrast of 4.5 to the page."`
}

// Paths are the paths of the public endpoints.
type Paths struct {
	Authorize           string `yaml:"authorize" help:"Authorization endpoint (RFC 6749 §3.1)."`
	Token               string `yaml:"token" help:"Token endpoint (RFC 6749 §3.2)."`
	PushedAuthorization string `yaml:"pushed_authorization_request" help:"Pushed authorization request endpoint (RFC 9126)."`
	Introspect          string `yaml:"introspect" help:"Introspection endpoint (RFC 7662)."`
	Revoke              string `yaml:"revoke" help:"Revocation endpoint (RFC 7009)."`
	Validate            string `yaml:"validate" help:"Validate endpoint: whether the token that is presented is good. Always status 200."`
	UserInfo            string `yaml:"userinfo" help:"UserInfo endpoint (OIDC Core §5.3)."`
	Registration        string `yaml:"registration" help:"Client registration endpoint (RFC 7591); a client manages itself below it (RFC 7592). Needs registration.mode."`
	JWKS                string `yaml:"jwks" help:"Public keys of ID tokens (RFC 7517)."`
}

// Prefixes are the beginnings of credentials.
type Prefixes struct {
	AccessToken        string `yaml:"access_token" help:"Access tokens."`
	RefreshToken       string `yaml:"refresh_token" help:"Refresh tokens."`
	Code               string `yaml:"code" help:"Authorization codes."`
	ClientSecret       string `yaml:"client_secret" help:"Client secrets."`
	RegistrationToken  string `yaml:"registration_access_token" help:"Registration access tokens (RFC 7592 §3)."`
	InitialAccessToken string `yaml:"initial_access_token" help:"Initial access tokens (RFC 7591 §3)."`
}

// Lifetimes are how long credentials live where a client has no value of its own.
type Lifetimes struct {
	AccessToken     time.Duration `yaml:"access_token" help:"Access tokens; at most 24h."`
	RefreshToken    time.Duration `yaml:"refresh_token" help:"Each refresh token, from its making."`
	RefreshAbsolute time.Duration `yaml:"refresh_absolute" help:"A chain of refresh tokens from its start, however often it rotates."`
	Code            time.Duration `yaml:"code" help:"Authorization codes; at most 10m (RFC 6749 §4.1.2)."`
	PushedRequest   time.Duration `yaml:"pushed_request" help:"Pushed authorization requests; below 10m (RFC 9126 §2.2)."`
	Transaction     time.Duration `yaml:"transaction" help:"The time that a user may take over sign-in and consent."`
	IDToken         time.Duration `yaml:"id_token" help:"ID tokens."`
	SessionIdle     time.Duration `yaml:"session_idle" help:"A sign-in session that is not used."`
	SessionAbsolute time.Duration `yaml:"session_absolute" help:"A sign-in session from its start."`
}

// LongestAccessToken is how long a restriction must be remembered: no access
// token lives longer, whatever its client's own lifetime says.
const LongestAccessToken = 24 * time.Hour

// RestrictionKeep is how long a restriction is kept: with a margin for a token that
// was being minted when the restriction was made.
const RestrictionKeep = LongestAccessToken + 10*time.Minute

// Clients is what clients are where they do not say.
type Clients struct {
	Web           ClientDefaults `yaml:"web" help:"Clients of the application_type web."`
	Native        ClientDefaults `yaml:"native" help:"Clients of the application_type native: they have no credentials, so that token_endpoint_auth_method is none."`
	PKCEMandatory bool           `yaml:"pkce_mandatory" help:"No client may be registered with require_pkce false."`
	AppsVetted    bool           `yaml:"apps_vetted" help:"New apps of workspaces count as vetted: the pages do not mark them, and their errors are redirected to them also where no user is signed in (RFC 9700 §4.11.2)."`
	Kinds         []ClientKind   `yaml:"kinds" help:"Kinds of clients with lifetimes of their own, such as MCP clients."`
}

// Kind is the kind of that name; the zero one for none in particular.
func (c Clients) Kind(name string) ClientKind {
	i := slices.IndexFunc(c.Kinds, func(k ClientKind) bool { return k.Name == name })
	if i < 0 {
		return ClientKind{}
	}
	return c.Kinds[i]
}

// ClientDefaults is what a new client takes where its registration does not say.
type ClientDefaults struct {
	TokenEndpointAuthMethod string   `yaml:"token_endpoint_auth_method" help:"client_secret_basic, client_secret_post, private_key_jwt or none. Of the two with a secret, a client that does not say may use either, and is told of this one."`
	GrantTypes              []string `yaml:"grant_types" help:"Of a client with redirect URIs."`
	RequirePKCE             bool     `yaml:"require_pkce" help:"Refuse authorization requests without code_challenge. Clients without credentials always need it."`
}

// ClientKind is a kind of client, which a client names as its client_kind.
type ClientKind struct {
	Name         string        `yaml:"name" help:"Lower-case letters, digits and hyphens. Required."`
	AccessToken  time.Duration `yaml:"access_token" help:"Lifetime of its access tokens; 0s: as for every client."`
	RefreshToken time.Duration `yaml:"refresh_token" help:"Lifetime of its refresh tokens; 0s: as for every client."`
	Window       Window        `yaml:"window" help:"As refresh.window; auto: as that says."`
}

// KindMCP is the kind of clients of the Model Context Protocol. They are agents,
// which often run as several processes that hold one refresh token.
const KindMCP = "mcp"

// RegistrationMode says who may register clients dynamically.
type RegistrationMode string

// The modes of registration.
const (
	RegistrationOff   RegistrationMode = "off"   // nobody
	RegistrationToken RegistrationMode = "token" // who has an initial access token
	RegistrationOpen  RegistrationMode = "open"  // anybody
)

// Registration is dynamic client registration (RFC 7591).
type Registration struct {
	Mode       RegistrationMode `yaml:"mode" help:"off; token: with an initial access token of an operator; open: every program may register a client."`
	ClientKind string           `yaml:"client_kind" help:"Kind of the clients that register themselves. Empty: none in particular."`
	Vetted     bool             `yaml:"vetted" help:"Clients that register themselves count as vetted, as clients.apps_vetted has it for apps of workspaces."`
	MaxClients int              `yaml:"max_clients" help:"How many such clients there may be."`
	PerHour    int              `yaml:"per_hour" help:"Registrations an hour of one address (of IPv6, one /64)."`
}

// Authorization is what authorization requests must keep, beside the standards.
type Authorization struct {
	RequiredScope        oauth.Scope `yaml:"required_scope" help:"Scopes that every authorization request must ask for, such as [openid]."`
	DefaultScope         oauth.Scope `yaml:"default_scope" help:"What a request without scope asks for, as far as its client may, where the client has no default of its own. Empty: the client's scopes of the kind identity, without offline_access."`
	ScopeMandatory       bool        `yaml:"scope_mandatory" help:"Refuse a request without scope where the client has no default of its own."`
	VariableLoopbackPort bool        `yaml:"variable_loopback_port" help:"A native client may use any port of a loopback redirect URI that it has registered (RFC 8252 §7.3). Otherwise redirect URIs match exactly."`
}

// Refresh is the policy of refresh tokens where a client has none of its own.
type Refresh struct {
	Confidential       string        `yaml:"confidential" help:"When refresh tokens of confidential clients rotate: always, threshold or never."`
	Public             string        `yaml:"public" help:"When those of public clients do: always or threshold."`
	Threshold          float64       `yaml:"threshold" help:"Part of the lifetime after which threshold rotates, from 0 to 1."`
	Grace              time.Duration `yaml:"grace" help:"How long a rotated token still yields the same successor, while that is not used; at most 1h. 0s: its reuse ends the authorization at once."`
	Window             Window        `yaml:"window" help:"What a rotated refresh token leads to. strict: to the end of the authorization, but for the grace. A duration, at most 24h: for so long to the token in use, later to the end of its chain alone. auto: strict, but for native clients and the kind mcp a window of at most 30m."`
	MaxFamilies        int           `yaml:"max_families" help:"How many refresh tokens one authorization may have; beyond that the oldest end."`
	NeedsPromptConsent bool          `yaml:"needs_prompt_consent" help:"Ignore offline_access in a request without prompt=consent (OIDC Core §11)."`
	Unasked            bool          `yaml:"unasked" help:"Give a refresh token without offline_access, to every client with the grant type refresh_token."`
}

// Consent is the policy of the consent page.
type Consent struct {
	SkipPublic      bool `yaml:"skip_public" help:"Public clients, and clients whose answer goes to the user's own machine (a loopback redirect URI), may skip the page for what was allowed before. Any program on that machine can pose as one (RFC 8252 §8.6), and the user can be talked into copying the address."`
	SingleWorkspace bool `yaml:"single_workspace" help:"The user chooses exactly one workspace, and not any number."`
}

// IDToken is the policy of ID tokens.
type IDToken struct {
	ScopeClaims bool `yaml:"scope_claims" help:"ID tokens carry the claims that the granted scopes open. Otherwise these come from the UserInfo endpoint alone (OIDC Core §5.4)."`
}

// Validate is what the validate endpoint answers.
type Validate struct {
	WorkspaceURL string `yaml:"workspace_url" help:"The member workspace_url, with {slug}, {id} and {issuer} for those of the one shared workspace."`
}
