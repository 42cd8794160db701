package document

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/gateway/internal/link"
	"github.com/chancery-auth/chancery/gateway/internal/openapi"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// Names of the security schemes of the OpenAPI document.
const (
	schemeClient       = "client"
	schemeAccessToken  = "access_token"
	schemeInitial      = "initial_access_token"
	schemeRegistration = "registration_access_token"
)

// OpenAPI describes what programs can call, as it is configured. Pages are for
// people, and are not in it.
func (p Provider) OpenAPI() (*Document, error) {
	d := &describer{Provider: p, paths: make(map[string]openapi.PathItem)}
	d.authorize()
	d.clients()
	d.userInfo()
	d.validate()
	d.registration()
	d.documents()
	if d.err != nil {
		return nil, fmt.Errorf("describe endpoints: %w", d.err)
	}
	content, err := json.MarshalIndent(openapi.Document{
		OpenAPI: openapi.Version,
		Info: openapi.Info{
			Title:       p.Preset.Brand.Name + " authorization server",
			Description: "OAuth 2.1 and OpenID Connect endpoints of " + p.Issuer + ".",
			Version:     "1",
		},
		Servers:    []openapi.Server{{URL: p.Origin}},
		Paths:      d.paths,
		Components: p.components(),
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode OpenAPI document: %w", err)
	}
	return newDocument(append(content, '\n')), nil
}

// components are what operations refer to.
func (p Provider) components() openapi.Components {
	bearer := func(description string) openapi.SecurityScheme {
		return openapi.SecurityScheme{Type: "http", Scheme: "bearer", Description: description}
	}
	c := openapi.Components{
		Schemas: map[string]openapi.Schema{"Error": {
			Type: "object", Required: []string{"error"}, Properties: map[string]openapi.Schema{
				"error": {Type: "string", Description: "Code of the error (RFC 6749 §5.2).", Enum: []oauth.ErrorCode{
					oauth.InvalidRequest, oauth.InvalidClient, oauth.InvalidGrant, oauth.InvalidScope, oauth.InvalidTarget,
					oauth.UnauthorizedClient, oauth.UnsupportedGrantType, oauth.InvalidToken, oauth.InsufficientScope, oauth.AccessDenied,
					oauth.InvalidRedirectURI, oauth.InvalidClientMetadata, oauth.InvalidSoftwareStatement,
					oauth.ServerError, oauth.TemporarilyUnavailable,
				}},
				"error_description": {Type: "string", Description: "For the developer of the client (RFC 6749 §5.2)."},
			},
		}},
		SecuritySchemes: map[string]openapi.SecurityScheme{
			schemeClient:      {Type: "http", Scheme: "basic", Description: "client_secret_basic (RFC 6749 §2.3.1). Clients with client_secret_post, private_key_jwt or none authenticate in the body."},
			schemeAccessToken: bearer("Access token (RFC 6750 §2.1)."),
		},
	}
	if p.Preset.Paths.Registration != "" {
		c.SecuritySchemes[schemeInitial] = bearer("Initial access token (RFC 7591 §3).")
		c.SecuritySchemes[schemeRegistration] = bearer("Registration access token (RFC 7592 §1.2).")
	}
	return c
}

// describer collects operations, and the first thing that has no description.
type describer struct {
	Provider
	paths map[string]openapi.PathItem
	err   error
}

// add describes a method of the endpoint at path, if it is offered.
func (d *describer) add(path, method string, op openapi.Operation) {
	if path == "" {
		return
	}
	if d.paths[path] == nil {
		d.paths[path] = make(openapi.PathItem)
	}
	op.Responses = maps.Clone(op.Responses)
	op.Responses["429"] = openapi.Response{Description: "Too many requests from this address.", Headers: map[string]openapi.Header{
		"Retry-After": {Description: "Seconds to wait.", Schema: openapi.Schema{Type: "integer"}},
	}}
	d.paths[path][method] = op
}

// edgeOnly is the edge's word to the service, and no parameter.
func edgeOnly() []string { return []string{"repeated_parameters"} }

func (d *describer) form(m proto.Message, required ...string) *openapi.Body {
	s, err := openapi.Request(m, required, edgeOnly())
	d.note(err)
	return &openapi.Body{Required: true, Content: openapi.Form(s)}
}

func (d *describer) note(err error) {
	if d.err == nil {
		d.err = err
	}
}

// authorize is the endpoint that clients send users to.
func (d *describer) authorize() {
	page := map[string]openapi.Content{"text/html": {Schema: openapi.Schema{Type: "string"}}}
	op := openapi.Operation{
		ID: "authorize", Summary: "Authorization endpoint (RFC 6749 §3.1)",
		Description: "Where a client sends the user's browser. With request_uri, everything else but client_id was pushed before.",
		Responses: map[string]openapi.Response{
			"303": {
				Description: "To a page, or to the redirect URI with code, or error, and with state and iss (RFC 6749 §4.1.2, RFC 9207 §2).",
				Headers:     map[string]openapi.Header{"Location": {Description: "Where to go on.", Schema: openapi.Schema{Type: "string", Format: "uri-reference"}}},
			},
			"400": {Description: "The request is not one that the client can be told about.", Content: page},
			"403": {Description: "The user may not authorize this client.", Content: page},
		},
	}
	params, err := openapi.Query(&authorizev1.AuthorizationRequest{}, []string{"client_id"}, edgeOnly())
	d.note(err)
	get := op
	get.Parameters = params
	d.add(d.Preset.Paths.Authorize, "get", get)
	op.ID, op.RequestBody = "authorizeByForm", d.form(&authorizev1.AuthorizationRequest{}, "client_id")
	d.add(d.Preset.Paths.Authorize, "post", op)
}

// clients is the endpoints where clients authenticate themselves, in the header or
// in the body.
func (d *describer) clients() {
	p := d.Preset.Paths
	for _, e := range []struct {
		path, id, summary string
		request           proto.Message
		required          string
		status, means     string
		answer            proto.Message
	}{
		{
			p.PushedAuthorization, "pushAuthorizationRequest", "Pushed authorization request endpoint (RFC 9126 §2)", &authorizev1.PushAuthorizationRequestRequest{}, "response_type",
			"201", "The request_uri to go on with.", &authorizev1.PushAuthorizationRequestResponse{},
		},
		{
			p.Token, "token", "Token endpoint (RFC 6749 §3.2)", &tokenv1.ExchangeRequest{}, "grant_type",
			"200", "Tokens (RFC 6749 §5.1).", &tokenv1.ExchangeResponse{},
		},
		{
			p.Revoke, "revoke", "Revocation endpoint (RFC 7009 §2)", &tokenv1.RevokeRequest{}, "token",
			"200", "The token is revoked, or never was one.", nil,
		},
		{
			p.Introspect, "introspect", "Introspection endpoint (RFC 7662 §2)", &introspectionv1.IntrospectRequest{}, "token",
			"200", "What is known of the token.", &introspectionv1.IntrospectResponse{},
		},
	} {
		success := openapi.Response{Description: e.means}
		if e.answer != nil {
			s, err := openapi.Answer(e.answer)
			d.note(err)
			success = answered(e.means, s)
		}
		op := openapi.Operation{
			ID: e.id, Summary: e.summary, RequestBody: d.form(e.request, e.required), Security: []openapi.Requirement{{schemeClient: {}}, {}},
			Responses: map[string]openapi.Response{
				e.status: success,
				"400":    refused("The request is refused (RFC 6749 §5.2)."),
				"401":    refused("The client is not authenticated (RFC 6749 §5.2)."),
				"503":    refused("Not available now."),
			},
		}
		if e.path == p.Introspect {
			op.Security = append(op.Security, openapi.Requirement{schemeAccessToken: {}})
		}
		d.add(e.path, "post", op)
	}
}

func (d *describer) userInfo() {
	open := true
	op := openapi.Operation{
		ID: "userinfo", Summary: "UserInfo endpoint (OIDC Core §5.3)",
		Responses: map[string]openapi.Response{
			"200": answered("The claims that the scopes of the token open.", openapi.Schema{
				Type: "object", Required: []string{"sub"}, AdditionalProperties: &open, Properties: map[string]openapi.Schema{
					"sub": {Type: "string", Description: "Identifier of the user (OIDC Core §5.3.2)."},
				},
			}),
			"400": refused("The request cannot be read."),
			"401": refused("The token is not good (RFC 6750 §3)."),
			"403": refused("The token has no scope openid (RFC 6750 §3.1)."),
			"503": refused("Not available now."),
		},
		Security: []openapi.Requirement{{schemeAccessToken: {}}},
	}
	d.add(d.Preset.Paths.UserInfo, "get", op)
	op.ID = "userinfoByForm"
	op.RequestBody = &openapi.Body{Content: openapi.Form(openapi.Schema{Type: "object", Properties: map[string]openapi.Schema{
		"access_token": {Type: "string", Description: "The token, where it is not in the header (RFC 6750 §2.2)."},
	}})}
	d.add(d.Preset.Paths.UserInfo, "post", op)
}

func (d *describer) validate() {
	d.add(d.Preset.Paths.Validate, "get", openapi.Operation{
		ID: "validate", Summary: "Whether the token that is presented is good",
		Responses: map[string]openapi.Response{
			"200": answered("The same whatever is wrong with the token.", openapi.Schema{
				Type: "object", Required: []string{"active", "exp", "scopes", "workspace_url"},
				Properties: map[string]openapi.Schema{
					"active":        {Type: "boolean", Description: "Whether the token is good."},
					"exp":           {Type: []string{"integer", "null"}, Format: "int64", Description: "When it expires, in Unix seconds."},
					"workspace_url": {Type: []string{"string", "null"}, Description: "The one workspace that it is for."},
					"scopes":        {Type: "array", Items: &openapi.Schema{Type: "string"}, Description: "Its scope values."},
				},
			}),
			"503": refused("Not to be told now."),
		},
		Security: []openapi.Requirement{{schemeAccessToken: {}}},
	})
}

// documents is what anybody may read.
func (d *describer) documents() {
	read := func(path, id, summary string) {
		d.add(path, "get", openapi.Operation{ID: id, Summary: summary, Responses: map[string]openapi.Response{
			"200": answered("The document.", openapi.Schema{Type: "object"}),
			"304": {Description: "It is the one that If-None-Match names."},
		}})
	}
	read(d.Preset.Paths.JWKS, "jwks", "Public keys (RFC 7517 §5)")
	for i, path := range d.MetadataPaths() {
		read(path, "metadata"+strconv.Itoa(i+1), "Metadata (OIDC Discovery 1.0 §3, RFC 8414 §2)")
	}
	read(link.OpenAPI, "openapi", "This document")
}

func refused(description string) openapi.Response {
	return answered(description, openapi.Schema{Ref: "#/components/schemas/Error"})
}

func answered(description string, s openapi.Schema) openapi.Response {
	return openapi.Response{Description: description, Content: openapi.JSON(s)}
}
