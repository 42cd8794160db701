// Package openapi is the part of the OpenAPI Specification 3.1.0 that the public
// endpoints need to be described, and how messages of the contracts read in it.
//
// It knows the words for parameters and no endpoint. The one thing to get right is
// that a parameter or member without a word is a mistake, and not left blank.
package openapi

import "github.com/chancery-auth/chancery/pkg/oauth"

// Version is that of the specification.
const Version = "3.1.0"

// Document is an OpenAPI document. Maps are written in the order of their keys.
type Document struct {
	OpenAPI    string              `json:"openapi"`
	Info       Info                `json:"info"`
	Servers    []Server            `json:"servers"`
	Paths      map[string]PathItem `json:"paths"`
	Components Components          `json:"components"`
}

// Info says what the document is about.
type Info struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Version     string `json:"version"`
}

// Server is where paths begin.
type Server struct {
	URL string `json:"url"`
}

// PathItem has the operations of a path by method in lower case.
type PathItem map[string]Operation

// Operation is what a method does.
type Operation struct {
	ID          string      `json:"operationId"`
	Summary     string      `json:"summary"`
	Description string      `json:"description,omitempty"`
	Parameters  []Parameter `json:"parameters,omitempty"`
	RequestBody *Body       `json:"requestBody,omitempty"`
	// Responses are by status.
	Responses map[string]Response `json:"responses"`
	// Security lists alternatives, an empty one for none. Nil: nobody is asked.
	Security []Requirement `json:"security,omitempty"`
}

// Requirement is security schemes that hold together.
type Requirement map[string][]string

// Parameter is one in the query or the path.
type Parameter struct {
	Name        string `json:"name"`
	In          string `json:"in"`
	Description string `json:"description"`
	Required    bool   `json:"required,omitempty"`
	Schema      Schema `json:"schema"`
}

// Body is that of a request.
type Body struct {
	Required bool               `json:"required"`
	Content  map[string]Content `json:"content"`
}

// Content is a body in one media type.
type Content struct {
	Schema Schema `json:"schema"`
}

// Response is an answer.
type Response struct {
	Description string             `json:"description"`
	Headers     map[string]Header  `json:"headers,omitempty"`
	Content     map[string]Content `json:"content,omitempty"`
}

// Header is one of an answer.
type Header struct {
	Description string `json:"description"`
	Schema      Schema `json:"schema"`
}

// Schema is a JSON Schema. Its zero value is any value.
type Schema struct {
	Ref string `json:"$ref,omitempty"`
	// Type is a name, or a list of names.
	Type                 any               `json:"type,omitempty"`
	Description          string            `json:"description,omitempty"`
	Format               string            `json:"format,omitempty"`
	Enum                 []oauth.ErrorCode `json:"enum,omitempty"`
	Items                *Schema           `json:"items,omitempty"`
	Properties           map[string]Schema `json:"properties,omitempty"`
	Required             []string          `json:"required,omitempty"`
	AdditionalProperties *bool             `json:"additionalProperties,omitempty"`
}

// Components are what operations refer to.
type Components struct {
	Schemas         map[string]Schema         `json:"schemas"`
	SecuritySchemes map[string]SecurityScheme `json:"securitySchemes"`
}

// SecurityScheme is how a caller shows who it is.
type SecurityScheme struct {
	Type        string `json:"type"`
	Scheme      string `json:"scheme"`
	Description string `json:"description"`
}

// JSON is content in JSON.
func JSON(s Schema) map[string]Content { return map[string]Content{"application/json": {Schema: s}} }

// Form is content as a form.
func Form(s Schema) map[string]Content {
	return map[string]Content{"application/x-www-form-urlencoded": {Schema: s}}
}
