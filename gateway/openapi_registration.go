package gateway

import (
	"maps"

	"github.com/chancery-auth/chancery/gateway/internal/openapi"
	"github.com/chancery-auth/chancery/pkg/preset"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// describeRegistration is dynamic client registration, where it is offered.
func (g *gateway) describeRegistration(d *describer) {
	path := g.registrationPath()
	if path == "" {
		return
	}
	metadata := d.metadata()
	body := &openapi.Body{Required: true, Content: openapi.JSON(metadata)}
	information := openapi.Schema{
		Type: "object", Properties: registrationMembers(),
		Required: []string{"client_id", "client_id_issued_at", "registration_access_token", "registration_client_uri"},
	}
	maps.Copy(information.Properties, metadata.Properties)
	security := []openapi.Requirement{{schemeInitial: {}}}
	if g.Preset.Registration.Mode == preset.RegistrationOpen {
		security = append(security, openapi.Requirement{})
	}
	d.add(path, "post", openapi.Operation{
		ID: "registerClient", Summary: "Client registration endpoint (RFC 7591 §3)", RequestBody: body,
		Responses: registrationAnswers("201", answered("The client (RFC 7591 §3.2.1).", information)), Security: security,
	})
	manage := func(id, summary string) openapi.Operation {
		return openapi.Operation{
			ID: id, Summary: summary,
			Parameters: []openapi.Parameter{{Name: "client_id", In: "path", Required: true, Description: "Identifier of the client.", Schema: openapi.Schema{Type: "string"}}},
			Security:   []openapi.Requirement{{schemeRegistration: {}}},
			Responses:  registrationAnswers("200", answered("The client (RFC 7592 §3).", information)),
		}
	}
	one := path + clientIDSegment
	d.add(one, "get", manage("getRegistration", "Client configuration endpoint: read (RFC 7592 §2.1)"))
	update := manage("updateRegistration", "Client configuration endpoint: replace (RFC 7592 §2.2)")
	replacement := openapi.Schema{Type: "object", Properties: maps.Clone(metadata.Properties), Required: []string{"client_id"}}
	replacement.Properties["client_id"] = openapi.Schema{Type: "string", Description: "Identifier of the client (RFC 7592 §2.2)."}
	replacement.Properties["client_secret"] = openapi.Schema{Type: "string", Description: "Its present secret, if at all (RFC 7592 §2.2)."}
	update.RequestBody = &openapi.Body{Required: true, Content: openapi.JSON(replacement)}
	d.add(one, "put", update)
	remove := manage("deleteRegistration", "Client configuration endpoint: delete (RFC 7592 §2.3)")
	remove.Responses = registrationAnswers("204", openapi.Response{Description: "The client is gone."})
	d.add(one, "delete", remove)
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
func (d *describer) metadata() openapi.Schema {
	s, err := openapi.Request(&registryv1.ClientMetadata{}, nil, nil)
	if err != nil {
		d.note(err)
		return openapi.Schema{}
	}
	keys := s.Properties["jwks"]
	keys.Type = "object"
	s.Properties["jwks"] = keys
	return s
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
