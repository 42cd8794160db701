package document

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/gateway/internal/wire"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// Provider is what the documents are about.
type Provider struct {
	Issuer string
	// Origin is that of the issuer, such as "https://as.example", and Path its path,
	// empty or with a leading slash.
	Origin, Path string
	Preset       preset.Preset
	// Bound is how long a revocation may go unnoticed by an introspection.
	Bound time.Duration
}

// Metadata returns the metadata of OIDC Discovery 1.0 §3 and RFC 8414 §2, in one
// document for both. What is not offered is not named; where leaving a member out
// would mean that it is offered, it says false.
func (p Provider) Metadata() (*Document, error) {
	content, err := json.MarshalIndent(p.members(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	return newDocument(append(content, '\n')), nil
}

func (p Provider) members() *wire.Object {
	paths, scopes := p.Preset.Paths, p.Preset.Scopes
	assertionAlgs := []jwks.Alg{jwks.ES256, jwks.RS256, jwks.PS256}
	confidential := []string{oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost, oauth.AuthPrivateKeyJWT}
	anyClient := append([]string{oauth.AuthNone}, confidential...)
	o := &wire.Object{}
	o.Add("issuer", p.Issuer)
	o.Add("authorization_endpoint", p.endpoint(paths.Authorize))
	o.Add("token_endpoint", p.endpoint(paths.Token))
	o.Add("pushed_authorization_request_endpoint", p.endpoint(paths.PushedAuthorization)) // RFC 9126 §5
	o.Add("userinfo_endpoint", p.endpoint(paths.UserInfo))
	o.Add("introspection_endpoint", p.endpoint(paths.Introspect))
	o.Add("revocation_endpoint", p.endpoint(paths.Revoke))
	o.Add("registration_endpoint", p.endpoint(paths.Registration))
	o.Add("jwks_uri", p.endpoint(paths.JWKS))
	o.Add("scopes_supported", scopes.Names())
	o.Add("response_types_supported", []string{"code"})
	o.Add("response_modes_supported", []oauth.ResponseMode{oauth.ModeQuery, oauth.ModeFormPost})
	o.Add("grant_types_supported", []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials})
	o.Add("code_challenge_methods_supported", []string{"S256"})
	o.Add("subject_types_supported", []string{"public"})
	o.Add("id_token_signing_alg_values_supported", []jwks.Alg{jwks.RS256, jwks.ES256})
	o.Add("token_endpoint_auth_methods_supported", anyClient)
	o.Add("token_endpoint_auth_signing_alg_values_supported", assertionAlgs)
	o.Add("introspection_endpoint_auth_methods_supported", offered(paths.Introspect, confidential))
	o.Add("introspection_endpoint_auth_signing_alg_values_supported", offered(paths.Introspect, assertionAlgs))
	o.Add("revocation_endpoint_auth_methods_supported", offered(paths.Revoke, anyClient))
	o.Add("revocation_endpoint_auth_signing_alg_values_supported", offered(paths.Revoke, assertionAlgs))
	o.Add("claim_types_supported", []string{"normal"})
	// Those of every ID token come first (OIDC Core §2).
	o.Add("claims_supported", append([]string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce"}, scopes.Claims(scopes.Names(preset.Identity))...))
	// Initiating User Registration via OpenID Connect 1.0.
	o.Add("prompt_values_supported", []string{"none", "login", "consent", "select_account"})
	o.Add("authorization_response_iss_parameter_supported", true) // RFC 9207 §3
	o.Add("claims_parameter_supported", false)
	o.Add("request_parameter_supported", false)
	o.Add("request_uri_parameter_supported", false)
	// Ours: the seconds after which no introspection calls a token active whose
	// revocation was acknowledged.
	o.Add("revocation_bound", p.Bound.Seconds())
	return o
}

// endpoint is the address of an endpoint, empty for one that is not offered.
func (p Provider) endpoint(path string) string {
	if path == "" {
		return ""
	}
	return p.Origin + path
}

// offered is what the metadata says of the endpoint at path: nothing of one that
// is not offered.
func offered[T any](path string, values []T) []T {
	if path == "" {
		return nil
	}
	return values
}

// MetadataPaths returns where the metadata is found. For an issuer with a path that
// is before it (RFC 8414 §3.1) and after it (OIDC Discovery 1.0 §4); elsewhere it
// would speak for another issuer.
func (p Provider) MetadataPaths() []string {
	const openID, oauthServer = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	if p.Path == "" {
		return []string{openID, oauthServer}
	}
	return []string{openID + p.Path, oauthServer + p.Path, p.Path + openID, p.Path + oauthServer}
}
