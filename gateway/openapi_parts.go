package gateway

import (
	"github.com/chancery-auth/chancery/gateway/internal/openapi"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// components are what operations refer to.
func (g *gateway) components() openapi.Components {
	c := openapi.Components{
		Schemas: map[string]openapi.Schema{errorSchema: {
			Type: "object", Required: []string{"error"}, Properties: map[string]openapi.Schema{
				"error":             {Type: "string", Description: "Code of the error (RFC 6749 §5.2).", Enum: errorCodes()},
				"error_description": {Type: "string", Description: "For the developer of the client (RFC 6749 §5.2)."},
			},
		}},
		SecuritySchemes: map[string]openapi.SecurityScheme{
			schemeClient:      {Type: "http", Scheme: "basic", Description: "client_secret_basic (RFC 6749 §2.3.1). Clients with client_secret_post, private_key_jwt or none authenticate in the body."},
			schemeAccessToken: {Type: "http", Scheme: "bearer", Description: "Access token (RFC 6750 §2.1)."},
		},
	}
	if g.registrationPath() != "" {
		c.SecuritySchemes[schemeInitial] = openapi.SecurityScheme{Type: "http", Scheme: "bearer", Description: "Initial access token (RFC 7591 §3)."}
		c.SecuritySchemes[schemeRegistration] = openapi.SecurityScheme{Type: "http", Scheme: "bearer", Description: "Registration access token (RFC 7592 §1.2)."}
	}
	return c
}

// errorCodes are those of JSON answers.
func errorCodes() []string {
	var codes []string
	for _, c := range []oauth.ErrorCode{
		oauth.InvalidRequest, oauth.InvalidClient, oauth.InvalidGrant, oauth.InvalidScope, oauth.InvalidTarget,
		oauth.UnauthorizedClient, oauth.UnsupportedGrantType, oauth.InvalidToken, oauth.InsufficientScope, oauth.AccessDenied,
		oauth.InvalidRedirectURI, oauth.InvalidClientMetadata, oauth.InvalidSoftwareStatement,
		oauth.ServerError, oauth.TemporarilyUnavailable,
	} {
		codes = append(codes, string(c))
	}
	return codes
}

// clientSecurity is client authentication in the header, or in the body.
func clientSecurity() []openapi.Requirement { return []openapi.Requirement{{schemeClient: {}}, {}} }

// refusals adds the errors of RFC 6749 §5.2 to responses.
func refusals(responses map[string]openapi.Response) map[string]openapi.Response {
	responses["400"] = refused("The request is refused (RFC 6749 §5.2).")
	responses["401"] = refused("The client is not authenticated (RFC 6749 §5.2).")
	responses["503"] = refused("Not available now.")
	return responses
}

func refused(description string) openapi.Response {
	return openapi.Response{Description: description, Content: openapi.JSON(openapi.Schema{Ref: "#/components/schemas/" + errorSchema})}
}

func answered(description string, s openapi.Schema) openapi.Response {
	return openapi.Response{Description: description, Content: openapi.JSON(s)}
}

func page(description string) openapi.Response {
	return openapi.Response{Description: description, Content: map[string]openapi.Content{"text/html": {Schema: openapi.Schema{Type: "string"}}}}
}

func location() map[string]openapi.Header {
	return map[string]openapi.Header{"Location": {Description: "Where to go on.", Schema: openapi.Schema{Type: "string", Format: "uri-reference"}}}
}

func retryAfter() map[string]openapi.Header {
	return map[string]openapi.Header{"Retry-After": {Description: "Seconds to wait.", Schema: openapi.Schema{Type: "integer"}}}
}
