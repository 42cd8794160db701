package gateway

import (
	"encoding/json"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// metadataDocument is the metadata of OIDC Discovery 1.0 §3 and RFC 8414 §2, in
// one document for both. What is not offered is not named; where leaving a member
// out would mean that it is offered, it says false.
type metadataDocument struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	TokenEndpoint         string `json:"token_endpoint"`
	// RFC 9126 §5.
	PushedAuthorizationRequestEndpoint string   `json:"pushed_authorization_request_endpoint,omitempty"`
	UserinfoEndpoint                   string   `json:"userinfo_endpoint"`
	IntrospectionEndpoint              string   `json:"introspection_endpoint,omitempty"`
	RevocationEndpoint                 string   `json:"revocation_endpoint,omitempty"`
	RegistrationEndpoint               string   `json:"registration_endpoint,omitempty"`
	JWKSURI                            string   `json:"jwks_uri"`
	ScopesSupported                    []string `json:"scopes_supported"`
	ResponseTypesSupported             []string `json:"response_types_supported"`
	ResponseModesSupported             []string `json:"response_modes_supported"`
	GrantTypesSupported                []string `json:"grant_types_supported"`
	CodeChallengeMethodsSupported      []string `json:"code_challenge_methods_supported"`
	SubjectTypesSupported              []string `json:"subject_types_supported"`

	IDTokenSigningAlgValuesSupported []jwks.Alg `json:"id_token_signing_alg_values_supported"`

	TokenEndpointAuthMethodsSupported                  []string   `json:"token_endpoint_auth_methods_supported"`
	TokenEndpointAuthSigningAlgValuesSupported         []jwks.Alg `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionEndpointAuthMethodsSupported          []string   `json:"introspection_endpoint_auth_methods_supported,omitempty"`
	IntrospectionEndpointAuthSigningAlgValuesSupported []jwks.Alg `json:"introspection_endpoint_auth_signing_alg_values_supported,omitempty"`
	RevocationEndpointAuthMethodsSupported             []string   `json:"revocation_endpoint_auth_methods_supported,omitempty"`
	RevocationEndpointAuthSigningAlgValuesSupported    []jwks.Alg `json:"revocation_endpoint_auth_signing_alg_values_supported,omitempty"`

	ClaimTypesSupported []string `json:"claim_types_supported"`
	ClaimsSupported     []string `json:"claims_supported"`
	// Initiating User Registration via OpenID Connect 1.0.
	PromptValuesSupported []string `json:"prompt_values_supported"`
	// RFC 9207 §3.
	AuthorizationResponseIssParameterSupported bool `json:"authorization_response_iss_parameter_supported"`
	ClaimsParameterSupported                   bool `json:"claims_parameter_supported"`
	RequestParameterSupported                  bool `json:"request_parameter_supported"`
	RequestURIParameterSupported               bool `json:"request_uri_parameter_supported"`
	// RevocationBound is ours: the seconds after which no introspection calls a
	// token active whose revocation was acknowledged.
	RevocationBound float64 `json:"revocation_bound"`
}

// metadata returns the document for the running configuration.
func (g *gateway) metadata() (*document, error) {
	p := g.Preset.Paths
	assertionAlgs := []jwks.Alg{jwks.ES256, jwks.RS256, jwks.PS256}
	confidential := []string{oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost, oauth.AuthPrivateKeyJWT}
	anyClient := append([]string{oauth.AuthNone}, confidential...)
	content, err := json.MarshalIndent(metadataDocument{
		Issuer:                             g.Issuer,
		AuthorizationEndpoint:              g.origin + p.Authorize,
		TokenEndpoint:                      g.origin + p.Token,
		PushedAuthorizationRequestEndpoint: g.endpoint(p.PushedAuthorization),
		UserinfoEndpoint:                   g.origin + p.UserInfo,
		IntrospectionEndpoint:              g.endpoint(p.Introspect),
		RevocationEndpoint:                 g.endpoint(p.Revoke),
		RegistrationEndpoint:               g.endpoint(g.registrationPath()),
		JWKSURI:                            g.origin + p.JWKS,
		ScopesSupported:                    g.Preset.Scopes.Names(),
		ResponseTypesSupported:             []string{"code"},
		ResponseModesSupported:             []string{string(oauth.ModeQuery), string(oauth.ModeFormPost)},
		GrantTypesSupported:                []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials},
		CodeChallengeMethodsSupported:      []string{"S256"},
		SubjectTypesSupported:              []string{"public"},

		IDTokenSigningAlgValuesSupported: []jwks.Alg{jwks.RS256, jwks.ES256},

		TokenEndpointAuthMethodsSupported:                  anyClient,
		TokenEndpointAuthSigningAlgValuesSupported:         assertionAlgs,
		IntrospectionEndpointAuthMethodsSupported:          offered(p.Introspect, confidential),
		IntrospectionEndpointAuthSigningAlgValuesSupported: offered(p.Introspect, assertionAlgs),
		RevocationEndpointAuthMethodsSupported:             offered(p.Revoke, anyClient),
		RevocationEndpointAuthSigningAlgValuesSupported:    offered(p.Revoke, assertionAlgs),

		ClaimTypesSupported:   []string{"normal"},
		ClaimsSupported:       append(tokenClaims(), g.Preset.Scopes.Claims(g.Preset.Scopes.Names(preset.Identity))...),
		PromptValuesSupported: []string{"none", "login", "consent", "select_account"},

		AuthorizationResponseIssParameterSupported: true,

		RevocationBound: g.Bound.Seconds(),
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	return newDocument(append(content, '\n')), nil
}

// endpoint is the address of an endpoint, empty for one that is not offered.
func (g *gateway) endpoint(path string) string {
	if path == "" {
		return ""
	}
	return g.origin + path
}

// offered is what the metadata says of the endpoint at path: nothing of one that
// is not offered.
func offered[T any](path string, values []T) []T {
	if path == "" {
		return nil
	}
	return values
}

// registrationPath is where clients register themselves, empty where they may
// not.
func (g *gateway) registrationPath() string {
	if g.Preset.Registration.Mode == preset.RegistrationOff {
		return ""
	}
	return g.Preset.Paths.Registration
}

// tokenClaims are the claims of every ID token (OIDC Core §2).
func tokenClaims() []string {
	return []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce"}
}

// metadataPaths is where the document is found. For an issuer with a path that is
// before it (RFC 8414 §3.1) and after it (OIDC Discovery 1.0 §4); elsewhere it
// would speak for another issuer.
func (g *gateway) metadataPaths() []string {
	const openID, oauthServer = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	if g.issuerPath == "" {
		return []string{openID, oauthServer}
	}
	return []string{
		openID + g.issuerPath, oauthServer + g.issuerPath,
		g.issuerPath + openID, g.issuerPath + oauthServer,
	}
}
