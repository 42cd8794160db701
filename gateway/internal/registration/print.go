package registration

import (
	"encoding/json"
	"fmt"

	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// Response is what a client is told of itself (RFC 7591 §3.2.1, RFC 7592 §3).
type Response struct {
	Client *registryv1.ClientInformation
	// ClientSecret is empty where there is none, and where it was shown before.
	ClientSecret string
	// AccessToken is the registration access token.
	AccessToken string
	// URI is the client configuration endpoint.
	URI string
}

// response is the members in their order. What is empty was not said, and has no
// default.
type response struct {
	ClientID string `json:"client_id"`
	IssuedAt int64  `json:"client_id_issued_at"`
	// ClientSecretExpiresAt is there if there is a secret; 0 is never.
	ClientSecret          string `json:"client_secret,omitempty"`
	ClientSecretExpiresAt *int64 `json:"client_secret_expires_at,omitempty"`
	AccessToken           string `json:"registration_access_token"`
	URI                   string `json:"registration_client_uri"`
	metadata
}

type metadata struct {
	RedirectURIs             []string        `json:"redirect_uris,omitempty"`
	TokenEndpointAuthMethod  string          `json:"token_endpoint_auth_method,omitempty"`
	GrantTypes               []string        `json:"grant_types,omitempty"`
	ResponseTypes            []string        `json:"response_types,omitempty"`
	ClientName               string          `json:"client_name,omitempty"`
	ClientURI                string          `json:"client_uri,omitempty"`
	LogoURI                  string          `json:"logo_uri,omitempty"`
	Scope                    string          `json:"scope,omitempty"`
	TosURI                   string          `json:"tos_uri,omitempty"`
	PolicyURI                string          `json:"policy_uri,omitempty"`
	JWKS                     json.RawMessage `json:"jwks,omitempty"`
	JWKSURI                  string          `json:"jwks_uri,omitempty"`
	SoftwareStatement        string          `json:"software_statement,omitempty"`
	ApplicationType          string          `json:"application_type,omitempty"`
	IDTokenSignedResponseAlg string          `json:"id_token_signed_response_alg,omitempty"`
	RequirePushed            bool            `json:"require_pushed_authorization_requests"`
	SubjectType              string          `json:"subject_type,omitempty"`
	SectorIdentifierURI      string          `json:"sector_identifier_uri,omitempty"`
}

// Print writes a response. Fails if the keys of the client are no JSON, which
// those of a registered client are.
func Print(r Response) ([]byte, error) {
	out := response{
		ClientID: r.Client.GetClientId(), IssuedAt: r.Client.GetClientIdIssuedAt(),
		ClientSecret: r.ClientSecret, AccessToken: r.AccessToken, URI: r.URI,
		metadata: metadataOf(r.Client.GetMetadata()),
	}
	if r.ClientSecret != "" {
		out.ClientSecretExpiresAt = new(int64)
	}
	body, err := json.Marshal(out) //nolint:gosec // the answer that shows the secret
	if err != nil {
		return nil, fmt.Errorf("encode client information: %w", err)
	}
	return body, nil
}

func metadataOf(m *registryv1.ClientMetadata) metadata {
	return metadata{
		RedirectURIs:             m.GetRedirectUris(),
		TokenEndpointAuthMethod:  m.GetTokenEndpointAuthMethod(),
		GrantTypes:               m.GetGrantTypes(),
		ResponseTypes:            m.GetResponseTypes(),
		ClientName:               m.GetClientName(),
		ClientURI:                m.GetClientUri(),
		LogoURI:                  m.GetLogoUri(),
		Scope:                    m.GetScope(),
		TosURI:                   m.GetTosUri(),
		PolicyURI:                m.GetPolicyUri(),
		JWKS:                     json.RawMessage(m.GetJwks()),
		JWKSURI:                  m.GetJwksUri(),
		SoftwareStatement:        m.GetSoftwareStatement(),
		ApplicationType:          m.GetApplicationType(),
		IDTokenSignedResponseAlg: m.GetIdTokenSignedResponseAlg(),
		RequirePushed:            m.GetRequirePushedAuthorizationRequests(),
		SubjectType:              m.GetSubjectType(),
		SectorIdentifierURI:      m.GetSectorIdentifierUri(),
	}
}
