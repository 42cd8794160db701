package wire_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/internal/wire"
	"github.com/chancery-auth/chancery/pkg/oauth"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

func TestEncode(t *testing.T) {
	tests := []struct {
		name string
		m    proto.Message
		want string
	}{
		{"inactive is exactly that", &introspectionv1.IntrospectResponse{}, `{"active":false}`},
		{
			"numbers are numbers, unset options and empty lists are left out",
			&introspectionv1.IntrospectResponse{Active: true, Exp: proto.Int64(1700000000), Aud: []string{"a", "b"}},
			`{"active":true,"exp":1700000000,"aud":["a","b"]}`,
		},
		{
			"nested messages", &introspectionv1.IntrospectResponse{Workspaces: []*introspectionv1.ResourceRole{{Id: "w", Role: "viewer"}}},
			`{"active":false,"workspaces":[{"id":"w","role":"viewer"}]}`,
		},
		{
			"nested messages with an option",
			&introspectionv1.IntrospectResponse{Workspaces: []*introspectionv1.ResourceRole{{Id: "w", Role: "viewer", Scope: proto.String("workspace:viewer")}}},
			`{"active":false,"workspaces":[{"id":"w","role":"viewer","scope":"workspace:viewer"}]}`,
		},
		{
			"an option that is set to nothing is there", &tokenv1.ExchangeResponse{AccessToken: "t", TokenType: "Bearer", ExpiresIn: 0, Scope: proto.String("")},
			`{"access_token":"t","token_type":"Bearer","expires_in":0,"scope":""}`,
		},
		{"markup and quotes are escaped", &tokenv1.ExchangeResponse{AccessToken: "</script>\"\n"}, `{"access_token":"\u003c/script\u003e\"\n","token_type":"","expires_in":0}`},
		{"a message without fields is no body", &tokenv1.RevokeResponse{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := wire.Encode(tt.m)
			if err != nil || string(got) != tt.want {
				t.Errorf("Encode() = %s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestEncodeRefusesWhatHasNoForm(t *testing.T) {
	if got, err := wire.Encode(&introspectionv1.UserInfoResponse{Claims: &structpb.Struct{Fields: map[string]*structpb.Value{"a": {}}}}); err == nil {
		t.Errorf("Encode(map) = %s", got)
	}
}

// Trap 9: generated handlers keep the text of a codec's error only, and take
// io.EOF for an empty message.
func TestBodiesRememberTheirRefusal(t *testing.T) {
	codec := wire.FormCodec{Limits: form.Limits{Parameters: 4, Value: 64}}
	body := wire.NewBody([]byte("token=a&token=b"))
	if err := codec.NewDecoder(body).Decode(&introspectionv1.IntrospectRequest{}); err == nil || !errors.Is(body.Refusal, oauth.InvalidRequest) {
		t.Errorf("Decode() = %v, remembered %v", err, body.Refusal)
	}
	empty := wire.NewBody(nil)
	if err := codec.NewDecoder(empty).Decode(&introspectionv1.IntrospectRequest{}); err != nil || empty.Refusal != nil {
		t.Errorf("Decode(empty) = %v, remembered %v", err, empty.Refusal)
	}
}

// Trap 1.
func TestRejectCodecReadsNothing(t *testing.T) {
	body := wire.NewBody([]byte(`{"token":"x"}`))
	m := &introspectionv1.IntrospectRequest{}
	if err := (wire.RejectCodec{}).NewDecoder(body).Decode(m); !errors.Is(err, oauth.InvalidRequest) || m.GetToken() != "" {
		t.Errorf("Decode() = %v, token %q", err, m.GetToken())
	}
}

// Trap 15: Accept must not make a codec for input write its own format.
func TestCodecsWriteJSON(t *testing.T) {
	m := &introspectionv1.IntrospectResponse{}
	var out strings.Builder
	if err := (wire.FormCodec{}).NewEncoder(&out).Encode(m); err != nil || out.String() != `{"active":false}` {
		t.Errorf("Encode() = %s, %v", out.String(), err)
	}
	if got := (wire.RejectCodec{}).ContentType(m); got != "application/json" {
		t.Errorf("ContentType() = %q", got)
	}
}
