package registration

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/chancery-auth/chancery/gateway/internal/wire"
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

// Print writes a response. Fails if the keys of the client are no JSON, which
// those of a registered client are.
func Print(r Response) ([]byte, error) {
	out := &wire.Object{}
	out.Add("client_id", r.Client.GetClientId())
	out.Add("client_id_issued_at", r.Client.GetClientIdIssuedAt())
	out.Add("client_secret", r.ClientSecret)
	if r.ClientSecret != "" {
		out.Add("client_secret_expires_at", 0) // never
	}
	out.Add("registration_access_token", r.AccessToken)
	out.Add("registration_client_uri", r.URI)
	for _, f := range fields(cmp.Or(r.Client.GetMetadata(), &registryv1.ClientMetadata{})) {
		out.Add(f.name, f.value)
	}
	body, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode client information: %w", err)
	}
	return body, nil
}
