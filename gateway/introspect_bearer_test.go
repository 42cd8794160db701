package gateway_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/metadata"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/oauth"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

// RFC 7662 §2.1 and §2.3: an access token may stand for the client, and what is
// wrong with it is said as RFC 6750 §3 has it.
func TestIntrospectionByAccessToken(t *testing.T) {
	w := newWorld(t)
	w.post("/oauth/introspect", "token=x", "Authorization", "Bearer right").wantStatus(t, 200)
	if diff := cmp.Diff(metadata.Pairs(clientauth.MetadataKey, "Bearer right"), w.intro.md); diff != "" {
		t.Errorf("metadata: %s", diff)
	}
	for _, tt := range []struct {
		code      oauth.ErrorCode
		status    int
		challenge string
	}{
		{oauth.InvalidToken, 401, `Bearer realm="https://as.test", error="invalid_token", error_description="no"`},
		{oauth.InsufficientScope, 403, `Bearer realm="https://as.test", error="insufficient_scope", error_description="no"`},
		{oauth.InvalidClient, 401, `Basic realm="https://as.test"`},
		{oauth.InvalidRequest, 400, ""},
	} {
		w.intro.introspect = func(*introspectionv1.IntrospectRequest) (*introspectionv1.IntrospectResponse, error) {
			return nil, oauth.Refuse(tt.code, "no")
		}
		got := w.post("/oauth/introspect", "token=x", "Authorization", "Bearer wrong")
		got.wantStatus(t, tt.status)
		if h := got.Header.Get("WWW-Authenticate"); h != tt.challenge {
			t.Errorf("%s: WWW-Authenticate = %q, want %q", tt.code, h, tt.challenge)
		}
		if want := `{"error":"` + string(tt.code) + `","error_description":"no"}`; got.body != want {
			t.Errorf("%s: body = %s, want %s", tt.code, got.body, want)
		}
	}
}
