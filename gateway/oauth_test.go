package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

const goodForm = "grant_type=authorization_code&code=c&client_id=c1"

// Traps 1 and 2, N101 to N107 as far as the edge decides them.
func TestTokenRequestForm(t *testing.T) {
	tests := []struct {
		name   string
		call   call
		status int
		code   string // empty: reaches the service
	}{
		{"twin", call{body: goodForm}, 200, ""},
		{"a charset that is UTF-8", call{body: goodForm, header: headerOf([]string{"Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"})}, 200, ""},
		{"N106 JSON", call{body: `{"grant_type":"x"}`, header: headerOf([]string{"Content-Type", "application/json"})}, 400, "invalid_request"},
		{"N106 no content type", call{body: goodForm, header: http.Header{"Content-Type": nil}}, 400, "invalid_request"},
		{"N106 multipart", call{body: goodForm, header: headerOf([]string{"Content-Type", "multipart/form-data; boundary=x"})}, 400, "invalid_request"},
		{"N106 another charset", call{body: goodForm, header: headerOf([]string{"Content-Type", "application/x-www-form-urlencoded; charset=utf-16"})}, 400, "invalid_request"},
		{"N106 gzip", call{body: goodForm, header: headerOf([]string{"Content-Encoding", "gzip"})}, 400, "invalid_request"},
		{"N106 two content types", call{body: goodForm, header: headerOf([]string{"Content-Type", "application/x-www-form-urlencoded", "Content-Type", "text/plain"})}, 400, "invalid_request"},
		{"N105 secret in the query", call{path: "?client_secret=x", body: goodForm}, 400, "invalid_request"},
		{"N105 a bare question mark", call{path: "?", body: goodForm}, 400, "invalid_request"},
		{"N104 two Authorization headers", call{body: goodForm, header: headerOf([]string{"Authorization", "Basic YTpi", "Authorization", "Basic YTpj"})}, 400, "invalid_request"},
		{"N104 Authorization that is no text", call{body: goodForm, header: headerOf([]string{"Authorization", "Basic \xff"})}, 400, "invalid_request"},
		{"N107 a parameter twice", call{body: goodForm + "&code=d"}, 400, "invalid_request"},
		{"N107 an unknown parameter twice", call{body: goodForm + "&x=1&x=2"}, 400, "invalid_request"},
		{"N107 client_id twice, once empty", call{body: goodForm + "&client_id="}, 400, "invalid_request"},
		{"N017 a NUL", call{body: goodForm + "&scope=%00"}, 400, "invalid_request"},
		{"N017 no UTF-8", call{body: goodForm + "&scope=%ff"}, 400, "invalid_request"},
		{"N242 65 parameters", call{body: goodForm + strings.Repeat("&", 62)}, 400, "invalid_request"},
		{"64 parameters", call{body: goodForm + strings.Repeat("&", 61)}, 200, ""},
		{"a long assertion", call{body: "client_assertion=" + strings.Repeat("a", 16<<10)}, 200, ""},
		{"a longer assertion", call{body: "client_assertion=" + strings.Repeat("a", 16<<10+1)}, 400, "invalid_request"},
		{"a long code", call{body: "code=" + strings.Repeat("a", 4<<10)}, 200, ""},
		{"a longer code", call{body: "code=" + strings.Repeat("a", 4<<10+1)}, 400, "invalid_request"},
		{"N249 wrong method", call{method: "PUT", body: goodForm}, 405, "invalid_request"},
		{"trap 10: HEAD is no GET", call{method: "GET"}, 405, "invalid_request"},
	}
	w := newWorld(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			c := tt.call
			c.path = "/oauth/token" + c.path
			if c.method == "" {
				c.method = "POST"
			}
			if _, set := c.header["Content-Type"]; !set {
				if c.header == nil {
					c.header = http.Header{}
				}
				c.header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			before := w.token.count()
			got := w.do(c)
			reached := w.token.count() > before
			if tt.code == "" {
				got.wantStatus(t, tt.status)
			} else {
				got.wantJSONError(t, tt.status, tt.code)
			}
			if reached != (tt.code == "") {
				t.Errorf("reached the service: %v", reached)
			}
		})
	}
}

// Traps 2 and 3, RFC 6749 §5.1.
func TestTokenResponse(t *testing.T) {
	w := newWorld(t)
	w.token.exchange = func(ctx context.Context, _ *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		// Traps 11 and 16: nothing a service sets in metadata becomes a header.
		if err := grpc.SetHeader(ctx, metadata.Pairs("set-cookie", "evil=1", "x-internal", "y")); err != nil {
			return nil, err
		}
		return &tokenv1.ExchangeResponse{AccessToken: "at", TokenType: "Bearer", ExpiresIn: 300, Scope: proto.String("openid")}, nil
	}
	got := w.post("/oauth/token", goodForm, "Accept", "application/x-www-form-urlencoded", "TE", "trailers")
	got.wantStatus(t, 200)
	if want := `{"access_token":"at","token_type":"Bearer","expires_in":300,"scope":"openid"}`; got.body != want {
		t.Errorf("body = %s, want %s", got.body, want)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Set-Cookie": "", "Grpc-Metadata-X-Internal": "", "X-Internal": "", "Trailer": "", "Grpc-Metadata-Content-Type": "",
		"Strict-Transport-Security": "max-age=63072000; includeSubDomains",
	} {
		if got := got.Header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if len(got.TransferEncoding) > 0 {
		t.Errorf("Transfer-Encoding = %v", got.TransferEncoding)
	}
}

// N245, N246, N119, traps 11 to 13: what reaches a service as metadata is the
// client's Authorization header under its own name, and nothing else.
func TestN245_MetadataIsAnAllowList(t *testing.T) {
	w := newWorld(t)
	got := w.post("/oauth/token", goodForm,
		"Authorization", "Basic YTpi", "Grpc-Metadata-X-Subject", "admin", "Grpc-Metadata-Authorization", "Bearer x",
		"Grpc-Metadata-X-Bin", "!!", "Grpcgateway-Cookie", "x", "X-User-Id", "u", "X-Workspace-Role", "admin",
		"Grpc-Timeout", "1n", "Cookie", "a=b", "X-Forwarded-For", "1.2.3.4", "X-Forwarded-Host", "evil.test",
		"X-Client-Cert", "pem", "X-Forwarded-Client-Cert", "pem", "X-Oauth-Client-Authorization", "Basic ZXZpbDp4",
		"Baggage", "user=1", "Dpop", "x")
	got.wantStatus(t, 200)
	if diff := cmp.Diff(metadata.Pairs(clientauth.MetadataKey, "Basic YTpi"), w.token.md); diff != "" {
		t.Errorf("metadata: %s", diff)
	}
	w.post("/oauth/token", goodForm, "X-Oauth-Client-Authorization", "Basic ZXZpbDp4").wantStatus(t, 200)
	if len(w.token.md) > 0 {
		t.Errorf("metadata without credentials = %v", w.token.md)
	}
}

// N246: a client cannot set the deadline.
func TestN246_GrpcTimeoutIsIgnored(t *testing.T) {
	w := newWorld(t)
	for _, timeout := range []string{"1n", "99999999H", "-1S", "x"} {
		w.token.exchange = func(ctx context.Context, _ *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
			deadline, ok := ctx.Deadline()
			if left := time.Until(deadline); !ok || left > 2*time.Second || left < time.Second {
				t.Errorf("deadline in %v with Grpc-Timeout %s", left, timeout)
			}
			return &tokenv1.ExchangeResponse{}, nil
		}
		w.post("/oauth/token", goodForm, "Grpc-Timeout", timeout).wantStatus(t, 200)
	}
}

// Trap 8 and N250: errors are those of RFC 6749 §5.2, and say nothing more.
func TestN250_ErrorsSayWhatTheClientMayKnow(t *testing.T) {
	secret := errors.New("dial tcp 10.0.0.1:5432: password=hunter2")
	tests := []struct {
		name   string
		err    error
		status int
		body   string
		header map[string]string
	}{
		{"refusal", oauth.RefuseBecause(oauth.InvalidGrant, "code has expired", secret), 400, `{"error":"invalid_grant","error_description":"code has expired"}`, nil},
		{"invalid_client", oauth.Refuse(oauth.InvalidClient, "no"), 401, `{"error":"invalid_client","error_description":"no"}`, map[string]string{"WWW-Authenticate": `Basic realm="https://as.test"`}},
		{"unauthorized_client", oauth.Refuse(oauth.UnauthorizedClient, "no"), 400, `{"error":"unauthorized_client","error_description":"no"}`, map[string]string{"WWW-Authenticate": ""}},
		{"away", rpcerr.ErrUnavailable, 503, `{"error":"temporarily_unavailable","error_description":"try again later"}`, map[string]string{"Retry-After": "1"}},
		{"a fault with words", oauth.Refuse(oauth.ServerError, "pool is closed"), 500, `{"error":"server_error"}`, nil},
		{"anything else", secret, 500, `{"error":"server_error"}`, nil},
		{"a description that is none", oauth.Refuse(oauth.InvalidGrant, "a\"b\\c\r\nd\u00e9"), 400, `{"error":"invalid_grant","error_description":"abcd"}`, nil},
	}
	w := newWorld(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			w.token.exchange = func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) { return nil, tt.err }
			got := w.post("/oauth/token", goodForm)
			got.wantStatus(t, tt.status)
			if got.body != tt.body {
				t.Errorf("body = %s, want %s", got.body, tt.body)
			}
			for name, want := range tt.header {
				if h := got.Header.Get(name); h != want {
					t.Errorf("%s = %q, want %q", name, h, want)
				}
			}
		})
	}
}

// N250, N257: a panic fails its own request only, and is told to nobody.
func TestN257_PanicFailsOneRequest(t *testing.T) {
	w := newWorld(t)
	w.intro.userInfo = func(*introspectionv1.UserInfoRequest) (*introspectionv1.UserInfoResponse, error) { panic("hunter2") }
	got := w.get("/oauth/userinfo", "Authorization", "Bearer t")
	got.wantJSONError(t, 500, "server_error")
	if strings.Contains(got.body, "hunter2") {
		t.Errorf("body = %s", got.body)
	}
	w.post("/oauth/token", goodForm).wantStatus(t, 200)
}

// RFC 9126 §2.2.
func TestPushedRequestIsCreated(t *testing.T) {
	w := newWorld(t)
	w.authorize.push = func(req *authorizev1.PushAuthorizationRequestRequest) (*authorizev1.PushAuthorizationRequestResponse, error) {
		if req.GetClientId() != "c1" || len(req.GetResource()) != 2 {
			t.Errorf("request = %v", req)
		}
		return &authorizev1.PushAuthorizationRequestResponse{RequestUri: "urn:x", ExpiresIn: 90}, nil
	}
	got := w.post("/oauth/par", "client_id=c1&resource=a&resource=b")
	got.wantStatus(t, 201)
	if want := `{"request_uri":"urn:x","expires_in":90}`; got.body != want || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("body = %s, want %s", got.body, want)
	}
}

// N161, N175.
func TestN161_IntrospectionForm(t *testing.T) {
	w := newWorld(t)
	got := w.post("/oauth/introspect", "token=t")
	got.wantStatus(t, 200)
	if got.body != `{"active":false}` || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Content-Encoding") != "" {
		t.Errorf("body = %s, headers %v", got.body, got.Header)
	}
	if got := w.post("/oauth/introspect", "token="+strings.Repeat("a", 9<<10)); got.body != `{"active":false}` {
		t.Errorf("a long token: %d %s", got.StatusCode, got.body)
	}
	before := w.intro.count()
	w.post("/oauth/introspect", "token=t&token=u").wantJSONError(t, 400, "invalid_request")
	w.post("/oauth/introspect", `{"token":"t"}`, "Content-Type", "application/json").wantJSONError(t, 400, "invalid_request")
	w.post("/oauth/introspect", "token="+strings.Repeat("a", 64<<10)).wantJSONError(t, 413, "invalid_request")
	get := w.get("/oauth/introspect?token=t")
	get.wantJSONError(t, 405, "invalid_request")
	if get.Header.Get("Allow") != "POST" {
		t.Errorf("Allow = %q", get.Header.Get("Allow"))
	}
	if w.intro.count() != before {
		t.Error("a refused request reached the service")
	}
}

// N184, RFC 7009 §2.2: success is a status without a body.
func TestN184_Revocation(t *testing.T) {
	w := newWorld(t)
	got := w.post("/oauth/revoke", "token=t&callback=x")
	got.wantStatus(t, 200)
	if got.body != "" || got.Header.Get("Content-Type") != "" {
		t.Errorf("body = %q of type %q", got.body, got.Header.Get("Content-Type"))
	}
	w.post("/oauth/revoke", "token=t&token=u").wantJSONError(t, 400, "invalid_request")
	w.get("/oauth/revoke?token=t").wantJSONError(t, 405, "invalid_request")
	w.token.revoke = func(*tokenv1.RevokeRequest) error { return rpcerr.ErrUnavailable }
	w.post("/oauth/revoke", "token=t").wantJSONError(t, 503, "temporarily_unavailable")
}

// N244 and trap 10: a method is what it is.
func TestN244_MethodsAreNotOverridden(t *testing.T) {
	w := newWorld(t)
	for _, override := range []string{"GET", "DELETE"} {
		before := w.token.count()
		w.post("/.well-known/jwks.json", "a=b", "X-HTTP-Method-Override", override).wantJSONError(t, 405, "invalid_request")
		if w.token.count() != before {
			t.Errorf("override to %s reached the service", override)
		}
		w.post("/oauth/token", goodForm, "X-HTTP-Method-Override", override).wantStatus(t, 200)
		if w.token.count() != before+1 {
			t.Errorf("override to %s changed the method", override)
		}
	}
}
