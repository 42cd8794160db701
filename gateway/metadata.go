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
	PushedAuthorizationRequestEndpoint string   `json:"pushed_authorization_request_endpoint"`
	UserinfoEndpoint                   string   `json:"userinfo_endpoint"`
	IntrospectionEndpoint              string   `json:"introspection_endpoint"`
	RevocationEndpoint                 string   `json:"revocation_endpoint"`
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
	IntrospectionEndpointAuthMethodsSupported          []string   `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionEndpointAuthSigningAlgValuesSupported []jwks.Alg `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationEndpointAuthMethodsSupported             []string   `json:"revocation_endpoint_auth_methods_supported"`
	RevocationEndpointAuthSigningAlgValuesSupported    []jwks.Alg `json:"revocation_endpoint_auth_signing_alg_values_supported"`

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
		PushedAuthorizationRequestEndpoint: g.origin + p.PushedAuthorization,
		UserinfoEndpoint:                   g.origin + p.UserInfo,
		IntrospectionEndpoint:              g.origin + p.Introspect,
		RevocationEndpoint:                 g.origin + p.Revoke,
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
		IntrospectionEndpointAuthMethodsSupported:          confidential,
		IntrospectionEndpointAuthSigningAlgValuesSupported: assertionAlgs,
		RevocationEndpointAuthMethodsSupported:             anyClient,
		RevocationEndpointAuthSigningAlgValuesSupported:    assertionAlgs,

		ClaimTypesSupported:   []string{"normal"},
		ClaimsSupported:       claimsOf(g.Preset.Scopes),
		PromptValuesSupported: []string{"none", "login", "consent", "select_account"},

		AuthorizationResponseIssParameterSupported: true,

		RevocationBound: g.Bound.Seconds(),
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	return newDocument(append(content, '\n')), nil
}

// claimsOf is the claims of an ID token, and those that the identity scopes of
// the catalogue open (OIDC Core §5.4).
func claimsOf(scopes preset.Catalogue) []string {
	claims := []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce"}
	for _, name := range scopes.Names(preset.Identity) {
		switch name {
		case "profile":
			claims = append(claims, "name", "family_name", "given_name", "middle_name", "nickname",
				"preferred_username", "profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at")
		case "email":
			claims = append(claims, "email", "email_verified")
		case "phone":
			claims = append(claims, "phone_number", "phone_number_verified")
		case "address":
			claims = append(claims, "address")
		}
	}
	return claims
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
