package gateway

import (
	"encoding/json"
	"fmt"
	"maps"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/gateway/internal/openapi"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// Names of the security schemes and schemas of the OpenAPI document.
const (
	schemeClient       = "client"
	schemeAccessToken  = "access_token"
	schemeInitial      = "initial_access_token"
	schemeRegistration = "registration_access_token"
	errorSchema        = "Error"
)

// repeatedParameters is the edge's word to the service, and no parameter.
const repeatedParameters = "repeated_parameters"

// openAPI describes what programs can call, as it is configured. Pages are for
// people, and are not in it.
func (g *gateway) openAPI() (*document, error) {
	doc := openapi.Document{
		OpenAPI: openapi.Version,
		Info: openapi.Info{
			Title:       g.Preset.Brand.Name + " authorization server",
			Description: "OAuth 2.1 and OpenID Connect endpoints of " + g.Issuer + ".",
			Version:     "1",
		},
		Servers:    []openapi.Server{{URL: g.origin}},
		Paths:      make(map[string]openapi.PathItem),
		Components: g.components(),
	}
	d := &describer{paths: doc.Paths}
	g.describeAuthorize(d)
	g.describeClients(d)
	g.describeHolders(d)
	g.describeRegistration(d)
	g.describeDocuments(d)
	if d.err != nil {
		return nil, fmt.Errorf("describe endpoints: %w", d.err)
	}
	content, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode OpenAPI document: %w", err)
	}
	return newDocument(append(content, '\n')), nil
}

// describer collects operations, and the first thing that has no description.
type describer struct {
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
	op.Responses["429"] = openapi.Response{Description: "Too many requests from this address.", Headers: retryAfter()}
	d.paths[path][method] = op
}

func (d *describer) query(m proto.Message, required ...string) []openapi.Parameter {
	params, err := openapi.Query(m, required, []string{repeatedParameters})
	d.note(err)
	return params
}

func (d *describer) form(m proto.Message, required ...string) *openapi.Body {
	s, err := openapi.Request(m, required, []string{repeatedParameters})
	d.note(err)
	return &openapi.Body{Required: true, Content: openapi.Form(s)}
}

func (d *describer) answer(m proto.Message) openapi.Schema {
	s, err := openapi.Answer(m)
	d.note(err)
	return s
}

func (d *describer) note(err error) {
	if d.err == nil {
		d.err = err
	}
}

// describeAuthorize is the endpoint that clients send users to.
func (g *gateway) describeAuthorize(d *describer) {
	authorize := openapi.Operation{
		ID: "authorize", Summary: "Authorization endpoint (RFC 6749 §3.1)",
		Description: "Where a client sends the user's browser. With request_uri, everything else but client_id was pushed before.",
		Responses: map[string]openapi.Response{
			"303": {Description: "To a page, or to the redirect URI with code, or error, and with state and iss (RFC 6749 §4.1.2, RFC 9207 §2).", Headers: location()},
			"400": page("The request is not one that the client can be told about."),
			"403": page("The user may not authorize this client."),
		},
	}
	get := authorize
	get.Parameters = d.query(&authorizev1.AuthorizationRequest{}, "client_id")
	d.add(g.Preset.Paths.Authorize, "get", get)
	post := authorize
	post.ID, post.Responses = "authorizeByForm", maps.Clone(authorize.Responses)
	post.RequestBody = d.form(&authorizev1.AuthorizationRequest{}, "client_id")
	d.add(g.Preset.Paths.Authorize, "post", post)
}

// describeClients is the endpoints where clients authenticate themselves.
func (g *gateway) describeClients(d *describer) {
	p := g.Preset.Paths
	d.add(p.PushedAuthorization, "post", openapi.Operation{
		ID: "pushAuthorizationRequest", Summary: "Pushed authorization request endpoint (RFC 9126 §2)",
		RequestBody: d.form(&authorizev1.PushAuthorizationRequestRequest{}, "response_type"),
		Responses:   refusals(map[string]openapi.Response{"201": answered("The request_uri to go on with.", d.answer(&authorizev1.PushAuthorizationRequestResponse{}))}),
		Security:    clientSecurity(),
	})
	d.add(p.Token, "post", openapi.Operation{
		ID: "token", Summary: "Token endpoint (RFC 6749 §3.2)",
		RequestBody: d.form(&tokenv1.ExchangeRequest{}, "grant_type"),
		Responses:   refusals(map[string]openapi.Response{"200": answered("Tokens (RFC 6749 §5.1).", d.answer(&tokenv1.ExchangeResponse{}))}),
		Security:    clientSecurity(),
	})
	d.add(p.Revoke, "post", openapi.Operation{
		ID: "revoke", Summary: "Revocation endpoint (RFC 7009 §2)",
		RequestBody: d.form(&tokenv1.RevokeRequest{}, "token"),
		Responses:   refusals(map[string]openapi.Response{"200": {Description: "The token is revoked, or never was one."}}),
		Security:    clientSecurity(),
	})
	d.add(p.Introspect, "post", openapi.Operation{
		ID: "introspect", Summary: "Introspection endpoint (RFC 7662 §2)",
		RequestBody: d.form(&introspectionv1.IntrospectRequest{}, "token"),
		Responses:   refusals(map[string]openapi.Response{"200": answered("What is known of the token.", d.answer(&introspectionv1.IntrospectResponse{}))}),
		Security:    append(clientSecurity(), openapi.Requirement{schemeAccessToken: {}}),
	})
}

// describeHolders is the endpoints where a token stands for itself.
func (g *gateway) describeHolders(d *describer) {
	p := g.Preset.Paths
	open := true
	claims := openapi.Schema{Type: "object", Required: []string{"sub"}, AdditionalProperties: &open, Properties: map[string]openapi.Schema{
		"sub": {Type: "string", Description: "Identifier of the user (OIDC Core §5.3.2)."},
	}}
	userInfo := openapi.Operation{
		ID: "userinfo", Summary: "UserInfo endpoint (OIDC Core §5.3)",
		Responses: map[string]openapi.Response{
			"200": answered("The claims that the scopes of the token open.", claims),
			"400": refused("The request cannot be read."),
			"401": refused("The token is not good (RFC 6750 §3)."),
			"403": refused("The token has no scope openid (RFC 6750 §3.1)."),
			"503": refused("Not available now."),
		},
		Security: []openapi.Requirement{{schemeAccessToken: {}}},
	}
	d.add(p.UserInfo, "get", userInfo)
	post := userInfo
	post.ID, post.Responses = "userinfoByForm", maps.Clone(userInfo.Responses)
	post.RequestBody = &openapi.Body{Content: openapi.Form(openapi.Schema{Type: "object", Properties: map[string]openapi.Schema{
		"access_token": {Type: "string", Description: "The token, where it is not in the header (RFC 6750 §2.2)."},
	}})}
	d.add(p.UserInfo, "post", post)
	d.add(p.Validate, "get", openapi.Operation{
		ID: "validate", Summary: "Whether the token that is presented is good",
		Responses: map[string]openapi.Response{
			"200": answered("The same whatever is wrong with the token.", validitySchema()),
			"503": refused("Not to be told now."),
		},
		Security: []openapi.Requirement{{schemeAccessToken: {}}},
	})
}

func validitySchema() openapi.Schema {
	return openapi.Schema{
		Type: "object", Required: []string{"active", "exp", "scopes", "workspace_url"},
		Properties: map[string]openapi.Schema{
			"active":        {Type: "boolean", Description: "Whether the token is good."},
			"exp":           {Type: []string{"integer", "null"}, Format: "int64", Description: "When it expires, in Unix seconds."},
			"workspace_url": {Type: []string{"string", "null"}, Description: "The one workspace that it is for."},
			"scopes":        {Type: "array", Items: &openapi.Schema{Type: "string"}, Description: "Its scope values."},
		},
	}
}

// describeDocuments is what anybody may read.
func (g *gateway) describeDocuments(d *describer) {
	read := func(path, id, summary string) {
		d.add(path, "get", openapi.Operation{ID: id, Summary: summary, Responses: map[string]openapi.Response{
			"200": answered("The document.", openapi.Schema{Type: "object"}),
			"304": {Description: "It is the one that If-None-Match names."},
		}})
	}
	read(g.Preset.Paths.JWKS, "jwks", "Public keys (RFC 7517 §5)")
	for i, path := range g.metadataPaths() {
		read(path, fmt.Sprintf("metadata%d", i+1), "Metadata (OIDC Discovery 1.0 §3, RFC 8414 §2)")
	}
	read(openAPIPath, "openapi", "This document")
}
