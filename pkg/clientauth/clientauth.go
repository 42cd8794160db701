// Package clientauth sorts out how an OAuth client authenticates itself in a
// request (RFC 6749 §2.3), so that every endpoint refuses the same mixtures.
//
// It decides what was presented, not whether it is right: that is the
// registry's AuthenticateClient.
package clientauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// MetadataKey carries the Authorization header of a client's HTTP request. It is
// apart from "authorization", which is about the caller of a gRPC method.
const MetadataKey = "x-oauth-client-authorization"

// MethodSecret is the method of a secret that came over gRPC, where there is
// neither a header nor a form to tell client_secret_basic from
// client_secret_post.
const MethodSecret = "client_secret"

// maxAssertionBytes bounds a client assertion before anything parses it.
const maxAssertionBytes = 16 << 10

// Request is a request in which a client may authenticate itself.
type Request interface {
	GetClientId() string
	GetClientSecret() string
	GetClientAssertionType() string
	GetClientAssertion() string
}

// Sort returns what req presents, with what came as [MetadataKey]. Fails with
// invalid_request when that is more than one method, or two different clients,
// and with invalid_client when it is nothing.
func Sort(ctx context.Context, req Request) (*registryv1.AuthenticateClientRequest, error) {
	basic, err := authorization(ctx)
	if err != nil {
		return nil, err
	}
	// RFC 6749 §2.3: one method in each request.
	if count(basic != "", req.GetClientSecret() != "", req.GetClientAssertion() != "" || req.GetClientAssertionType() != "") > 1 {
		return nil, oauth.Refuse(oauth.InvalidRequest, "client authenticates with more than one method")
	}
	switch {
	case basic != "":
		return fromBasic(basic, req.GetClientId())
	case req.GetClientAssertion() != "" || req.GetClientAssertionType() != "":
		return fromAssertion(req)
	case req.GetClientId() == "":
		return nil, oauth.Refuse(oauth.InvalidClient, "client authentication is required")
	case req.GetClientSecret() != "":
		return &registryv1.AuthenticateClientRequest{
			ClientId: req.GetClientId(), Method: secretMethod(ctx), ClientSecret: req.GetClientSecret(),
		}, nil
	default:
		return &registryv1.AuthenticateClientRequest{ClientId: req.GetClientId(), Method: oauth.AuthNone}, nil
	}
}

// secretMethod is how a secret among the request's fields was presented. The
// gateway has taken them from a form.
func secretMethod(ctx context.Context) string {
	if caller, known := grpcserve.CallerOf(ctx); known && caller != grpcserve.Gateway {
		return MethodSecret
	}
	return oauth.AuthClientSecretPost
}

// Presented reports whether req tries to authenticate a client, where that is
// optional. A client_id alone does not.
func Presented(ctx context.Context, req Request) bool {
	return len(metadata.ValueFromIncomingContext(ctx, MetadataKey)) > 0 || req.GetClientSecret() != "" ||
		req.GetClientAssertion() != "" || req.GetClientAssertionType() != ""
}

// authorization is the client's Authorization header, empty if there was none.
func authorization(ctx context.Context) (string, error) {
	values := metadata.ValueFromIncomingContext(ctx, MetadataKey)
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	default:
		return "", oauth.Refuse(oauth.InvalidRequest, "Authorization header comes more than once")
	}
}

// fromBasic is client_secret_basic. A client_id in the body must be the same:
// later checks see one client only.
func fromBasic(header, bodyID string) (*registryv1.AuthenticateClientRequest, error) {
	id, secret, err := oauth.ParseBasic(header)
	if err != nil {
		return nil, err
	}
	if bodyID != "" && bodyID != id {
		return nil, oauth.Refuse(oauth.InvalidRequest, "client_id differs from that of the Authorization header")
	}
	return &registryv1.AuthenticateClientRequest{ClientId: id, Method: oauth.AuthClientSecretBasic, ClientSecret: secret}, nil
}

// fromAssertion is private_key_jwt. Without client_id, the client is the
// assertion's subject (RFC 7521 §4.2); its signature is checked with that
// client's keys, so that a false claim leads nowhere.
func fromAssertion(req Request) (*registryv1.AuthenticateClientRequest, error) {
	if req.GetClientAssertionType() != oauth.AssertionTypeJWT || req.GetClientAssertion() == "" {
		return nil, oauth.Refuse(oauth.InvalidRequest, "client_assertion needs the client_assertion_type of a JWT bearer assertion")
	}
	id := req.GetClientId()
	if id == "" {
		id = subjectOf(req.GetClientAssertion())
	}
	if id == "" {
		return nil, oauth.Refuse(oauth.InvalidClient, "client authentication failed")
	}
	return &registryv1.AuthenticateClientRequest{
		ClientId: id, Method: oauth.AuthPrivateKeyJWT, ClientAssertion: req.GetClientAssertion(),
	}, nil
}

// subjectOf reads the sub claim of a JWS without believing it. Empty if there is none.
func subjectOf(assertion string) string {
	if len(assertion) > maxAssertionBytes || strings.Count(assertion, ".") != 2 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(assertion, ".")[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Sub string `json:"sub"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.Sub
}

func count(conditions ...bool) int {
	n := 0
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}
