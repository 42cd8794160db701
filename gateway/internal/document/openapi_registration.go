package document

import (
	"maps"

	"github.com/chancery-auth/chancery/gateway/internal/openapi"
	"github.com/chancery-auth/chancery/pkg/preset"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// registration is dynamic client registration, where it is offered.
func (d *describer) registration() {
	path := d.Preset.Paths.Registration
	if path == "" {
		return
	}
	metadata := d.metadata()
	body := func(required ...string) *openapi.Body {
		return &openapi.Body{Required: true, Content: openapi.JSON(openapi.Schema{Type: "object", Properties: metadata, Required: required})}
	}
	members := registrationMembers()
	maps.Copy(members, metadata)
	information := openapi.Schema{
		Type: "object", Properties: members,
		Required: []string{"client_id", "client_id_issued_at", "registration_access_token", "registration_client_uri"},
	}
	security := []openapi.Requirement{{schemeInitial: {}}}
	if d.Preset.Registration.Mode == preset.RegistrationOpen {
		security = append(security, openapi.Requirement{})
	}
	d.add(path, "post", openapi.Operation{
		ID: "registerClient", Summary: "Client registration endpoint (RFC 7591 §3)", RequestBody: body(),
		Responses: registrationAnswers("201", answered("The client (RFC 7591 §3.2.1).", information)), Security: security,
	})
	metadata = maps.Clone(metadata)
	metadata["client_id"] = openapi.Schema{Type: "string", Description: "Identifier of the client (RFC 7592 §2.2)."}
	metadata["client_secret"] = openapi.Schema{Type: "string", Description: "Its present secret, if at all (RFC 7592 §2.2)."}
	there := registrationAnswers("200", answered("The client (RFC 7592 §3).", information))
	gone := registrationAnswers("204", openapi.Response{Description: "The client is gone."})
	manage := func(method, id, summary string, body *openapi.Body, responses map[string]openapi.Response) {
		d.add(path+"/{client_id}", method, openapi.Operation{
			ID: id, Summary: summary, RequestBody: body, Responses: responses,
			Parameters: []openapi.Parameter{{Name: "client_id", In: "path", Required: true, Description: "Identifier of the client.", Schema: openapi.Schema{Type: "string"}}},
			Security:   []openapi.Requirement{{schemeRegistration: {}}},
		})
	}
	manage("get", "getRegistration", "Client configuration endpoint: read (RFC 7592 §2.1)", nil, there)
	manage("put", "updateRegistration", "Client configuration endpoint: replace (RFC 7592 §2.2)", body("client_id"), there)
	manage("delete", "deleteRegistration", "Client configuration endpoint: delete (RFC 7592 §2.3)", nil, gone)
}

func registrationAnswers(status string, r openapi.Response) map[string]openapi.Response {
	return map[string]openapi.Response{
		status: r,
		"400":  refused("The metadata is not acceptable (RFC 7591 §3.2.2)."),
		"401":  refused("The token is not good (RFC 6750 §3)."),
		"503":  refused("Not available now, or as many clients as there may be."),
	}
}

// metadata is client metadata as clients write it: keys are an object there, and
// text in the contract.
func (d *describer) metadata() map[string]openapi.Schema {
	s, err := openapi.Request(&registryv1.ClientMetadata{}, nil, nil)
	d.note(err)
	if keys, ok := s.Properties["jwks"]; ok {
		keys.Type = "object"
		s.Properties["jwks"] = keys
	}
	return s.Properties
}

// registrationMembers are those that only the answer has.
func registrationMembers() map[string]openapi.Schema {
	return map[string]openapi.Schema{
		"client_id":                 {Type: "string", Description: "Identifier of the client (RFC 7591 §3.2.1)."},
		"client_id_issued_at":       {Type: "integer", Format: "int64", Description: "Unix seconds (RFC 7591 §3.2.1)."},
		"client_secret":             {Type: "string", Description: "Shown this once; absent for a client without secrets (RFC 7591 §3.2.1)."},
		"client_secret_expires_at":  {Type: "integer", Format: "int64", Description: "0: never (RFC 7591 §3.2.1)."},
		"registration_access_token": {Type: "string", Description: "By which the client manages itself (RFC 7592 §3)."},
		"registration_client_uri":   {Type: "string", Description: "Where the client manages itself (RFC 7592 §3)."},
	}
}
