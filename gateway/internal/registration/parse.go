package registration

import (
	"bytes"
	"encoding/json"

	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// Request is the body of a registration (RFC 7591 §3.1) or of an update
// (RFC 7592 §2.2).
type Request struct {
	// Metadata is never nil in what [Parse] returns.
	Metadata *registryv1.ClientMetadata
	// ClientID and ClientSecret are for an update; empty if they are not there.
	ClientID     string
	ClientSecret string
}

// Parse reads a request. Members that it does not know are ignored, whatever they
// are (RFC 7591 §2), and null is as good as absent (RFC 7592 §2.2). Fails with
// invalid_client_metadata for what is not one JSON object in UTF-8, has a member
// twice, is nested deeply, or has a member of the wrong type.
func Parse(body []byte) (Request, error) {
	object, err := members(body)
	if err != nil {
		return Request{}, err
	}
	r := Request{Metadata: &registryv1.ClientMetadata{}}
	for _, f := range append(fields(r.Metadata), text("client_id", &r.ClientID), text("client_secret", &r.ClientSecret)) {
		raw, there := object[f.name]
		if !there || string(raw) == "null" {
			continue
		}
		if err := f.read(raw); err != nil {
			return Request{}, refuse(f.name + " must be " + f.want)
		}
	}
	return r, nil
}

// field is one member of a request, an answer or both.
type field struct {
	name, want string
	read       func(json.RawMessage) error
	// value is what an answer has. Nothing is there that was not said: it has no default.
	value any
}

// fields is the metadata in the order in which mistakes are reported and answers have
// them.
func fields(m *registryv1.ClientMetadata) []field {
	return []field{
		list("redirect_uris", &m.RedirectUris),
		text("token_endpoint_auth_method", &m.TokenEndpointAuthMethod),
		unanswered(list("token_endpoint_auth_methods_supported", &m.TokenEndpointAuthMethodsSupported)),
		list("grant_types", &m.GrantTypes),
		list("response_types", &m.ResponseTypes),
		text("client_name", &m.ClientName),
		text("client_uri", &m.ClientUri),
		text("logo_uri", &m.LogoUri),
		text("scope", &m.Scope),
		text("tos_uri", &m.TosUri),
		text("policy_uri", &m.PolicyUri),
		document("jwks", &m.Jwks),
		text("jwks_uri", &m.JwksUri),
		text("software_statement", &m.SoftwareStatement),
		text("application_type", &m.ApplicationType),
		text("id_token_signed_response_alg", &m.IdTokenSignedResponseAlg),
		flag("require_pushed_authorization_requests", &m.RequirePushedAuthorizationRequests),
		text("subject_type", &m.SubjectType),
		text("sector_identifier_uri", &m.SectorIdentifierUri),
	}
}

func text(name string, into *string) field {
	return field{name, "text in Unicode without NUL", func(raw json.RawMessage) error {
		if err := json.Unmarshal(raw, into); err != nil {
			return err
		}
		return checkText(*into)
	}, *into}
}

// unanswered is a member that no answer has.
func unanswered(f field) field {
	f.value = nil
	return f
}

// list reads entries one by one, for null is none.
func list(name string, into *[]string) field {
	return field{name, "a list of texts in Unicode without NUL", func(raw json.RawMessage) error {
		var entries []*string
		if err := json.Unmarshal(raw, &entries); err != nil {
			return err
		}
		for _, entry := range entries {
			if entry == nil {
				return errNotText
			}
			if err := checkText(*entry); err != nil {
				return err
			}
			*into = append(*into, *entry)
		}
		return nil
	}, *into}
}

func flag(name string, into *bool) field {
	return field{name, "true or false", func(raw json.RawMessage) error { return json.Unmarshal(raw, into) }, *into}
}

// document reads an object as the text of it, in the form in which [Print] writes
// it again.
func document(name string, into *string) field {
	return field{name, "a JSON object", func(raw json.RawMessage) error {
		if !bytes.HasPrefix(raw, []byte("{")) {
			return errNotText
		}
		compact, err := json.Marshal(raw)
		*into = string(compact)
		return err
	}, json.RawMessage(*into)}
}
