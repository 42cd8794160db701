package openapi_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/gateway/internal/openapi"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

func TestQueryFollowsTheContract(t *testing.T) {
	params, err := openapi.Query(&authorizev1.AuthorizationRequest{}, []string{"client_id"}, []string{"repeated_parameters"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range params {
		names = append(names, p.Name)
		if p.In != "query" || p.Description == "" || p.Required != (p.Name == "client_id") {
			t.Errorf("%+v", p)
		}
		if list := p.Name == "resource"; (p.Schema.Type == "array") != list || list && p.Schema.Items.Type != "string" {
			t.Errorf("%s is of the type %v", p.Name, p.Schema.Type)
		}
	}
	if len(names) != 16 || names[0] != "response_type" || slices.Contains(names, "repeated_parameters") {
		t.Errorf("parameters = %q", names)
	}
}

// What is optional in the contract may be left out of an answer.
func TestAnswersSayWhatIsAlwaysThere(t *testing.T) {
	for _, tt := range []struct {
		answer   proto.Message
		required []string
	}{
		{&tokenv1.ExchangeResponse{}, []string{"access_token", "token_type", "expires_in"}},
		{&introspectionv1.IntrospectResponse{}, []string{"active"}},
	} {
		s, err := openapi.Answer(tt.answer)
		if err != nil || !slices.Equal(s.Required, tt.required) {
			t.Errorf("%T: required %q, %v", tt.answer, s.Required, err)
		}
	}
	s, err := openapi.Answer(&introspectionv1.IntrospectResponse{})
	if err != nil {
		t.Fatal(err)
	}
	if of := s.Properties["workspaces"]; of.Type != "array" || of.Items.Type != "object" || of.Items.Properties["role"].Type != "string" {
		t.Errorf("workspaces = %+v", of)
	}
	if s.Properties["active"].Type != "boolean" || s.Properties["exp"].Type != "integer" {
		t.Errorf("properties = %+v", s.Properties)
	}
}

// A name without a word is a mistake.
func TestNothingGoesUndescribed(t *testing.T) {
	for _, m := range []proto.Message{&authorizev1.AuthorizationRequest{}, &registryv1.Client{}} {
		if _, err := openapi.Query(m, nil, nil); err == nil {
			t.Errorf("query of %T: no error", m)
		}
		if _, err := openapi.Request(m, nil, nil); err == nil {
			t.Errorf("request of %T: no error", m)
		}
		if _, err := openapi.Answer(m); err == nil {
			t.Errorf("answer of %T: no error", m)
		}
	}
}
