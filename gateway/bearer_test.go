package gateway_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

func TestUserInfoTakesOneToken(t *testing.T) {
	w := newWorld(t)
	claims, err := structpb.NewStruct(map[string]any{"sub": "u1", "updated_at": 1700000000, "email_verified": true})
	if err != nil {
		t.Fatal(err)
	}
	w.intro.userInfo = func(req *introspectionv1.UserInfoRequest) (*introspectionv1.UserInfoResponse, error) {
		if req.GetAccessToken() != "t" {
			t.Errorf("token = %q", req.GetAccessToken())
		}
		return &introspectionv1.UserInfoResponse{Claims: claims}, nil
	}
	for name, got := range map[string]answer{
		"GET":                w.get("/oauth/userinfo", "Authorization", "Bearer t"),
		"scheme in any case": w.get("/oauth/userinfo", "Authorization", "bEARER  t"),
		"POST with header":   w.do(call{method: "POST", path: "/oauth/userinfo", header: headerOf([]string{"Authorization", "Bearer t"})}),
		"POST with form":     w.post("/oauth/userinfo", "access_token=t"),
	} {
		if want := `{"email_verified":true,"sub":"u1","updated_at":1700000000}`; got.StatusCode != 200 || got.body != want {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
		if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: headers %v", name, got.Header)
		}
	}
	before := w.intro.count()
	for name, got := range map[string]answer{
		"N194 query":                w.get("/oauth/userinfo?access_token=t"),
		"N194 query and header":     w.get("/oauth/userinfo?access_token=t", "Authorization", "Bearer t"),
		"N194 header and body":      w.post("/oauth/userinfo", "access_token=t", "Authorization", "Bearer t"),
		"two headers":               w.get("/oauth/userinfo", "Authorization", "Bearer t", "Authorization", "Bearer t"),
		"a header without a token":  w.get("/oauth/userinfo", "Authorization", "Bearer "),
		"two tokens in the body":    w.post("/oauth/userinfo", "access_token=t&access_token=t"),
		"a query that is no query":  w.get("/oauth/userinfo?a=1;access_token=t"),
		"a body that cannot be one": w.post("/oauth/userinfo", "access_token=%ff"),
	} {
		t.Run(name, func(t *testing.T) {
			got.wantJSONError(t, 400, "invalid_request")
			if h := got.Header.Get("WWW-Authenticate"); !strings.HasPrefix(h, `Bearer realm="https://as.test", error="invalid_request"`) {
				t.Errorf("WWW-Authenticate = %q", h)
			}
		})
	}
	if w.intro.count() != before {
		t.Error("a refused request reached the service")
	}
}

// N192, N193, N197, RFC 6750 §3.
func TestUserInfoErrors(t *testing.T) {
	w := newWorld(t)
	for _, headers := range [][]string{nil, {"Authorization", "Basic YTpi"}} {
		got := w.get("/oauth/userinfo", headers...)
		got.wantStatus(t, 401)
		if h := got.Header.Get("WWW-Authenticate"); h != `Bearer realm="https://as.test"` || got.body != "" {
			t.Errorf("N192: WWW-Authenticate = %q, body %s", h, got.body)
		}
	}
	tests := []struct {
		name   string
		err    error
		status int
		header string
	}{
		{"N193 invalid_token", oauth.Refuse(oauth.InvalidToken, "token has expired"), 401, `Bearer realm="https://as.test", error="invalid_token", error_description="token has expired"`},
		{"N193 insufficient_scope", oauth.Refuse(oauth.InsufficientScope, "no openid"), 403, `Bearer realm="https://as.test", error="insufficient_scope", error_description="no openid"`},
		{"N197 a description with quotes", oauth.Refuse(oauth.InvalidToken, "a\", x=\"\r\nSet-Cookie: y"), 401, `Bearer realm="https://as.test", error="invalid_token", error_description="a, x=Set-Cookie: y"`},
		{"away", rpcerr.ErrUnavailable, 503, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.t = t
			w.intro.userInfo = func(*introspectionv1.UserInfoRequest) (*introspectionv1.UserInfoResponse, error) { return nil, tt.err }
			got := w.get("/oauth/userinfo", "Authorization", "Bearer t")
			got.wantStatus(t, tt.status)
			if h := got.Header.Get("WWW-Authenticate"); h != tt.header {
				t.Errorf("WWW-Authenticate = %q, want %q", h, tt.header)
			}
		})
	}
}

const inactive = `{"active":false,"exp":null,"workspace_url":null,"scopes":[]}`

// N176, N177: whatever is wrong, the answer is the same.
func TestN176_ValidateHasOneAnswerForWhatIsNotGood(t *testing.T) {
	w := newWorld(t)
	w.intro.validate = func(*introspectionv1.ValidateRequest) (*introspectionv1.ValidateResponse, error) {
		return &introspectionv1.ValidateResponse{}, nil
	}
	for name, got := range map[string]answer{
		"no token":       w.get("/oauth/validate"),
		"Basic":          w.get("/oauth/validate", "Authorization", "Basic YTpi"),
		"no token in it": w.get("/oauth/validate", "Authorization", "Bearer "),
		"two headers":    w.get("/oauth/validate", "Authorization", "Bearer t", "Authorization", "Bearer t"),
		"query":          w.get("/oauth/validate?access_token=t"),
		"body":           w.do(call{method: "GET", path: "/oauth/validate", body: "access_token=t"}),
		"no text":        w.get("/oauth/validate", "Authorization", "Bearer \xff"),
		"odd characters": w.get("/oauth/validate", "Authorization", "Bearer a b"),
		"too long":       w.get("/oauth/validate", "Authorization", "Bearer "+strings.Repeat("a", 2<<10+1)),
		"N177 dead":      w.get("/oauth/validate", "Authorization", "Bearer t"),
	} {
		if got.StatusCode != 200 || got.body != inactive || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
	if n := w.intro.count(); n != 1 {
		t.Errorf("service was asked %d times, want 1", n)
	}
}

func TestValidateActive(t *testing.T) {
	w := newWorld(t)
	answer := &introspectionv1.ValidateResponse{Active: true, Exp: proto.Int64(1700000000), Scopes: []string{"openid", "workspace:viewer"}}
	w.intro.validate = func(*introspectionv1.ValidateRequest) (*introspectionv1.ValidateResponse, error) { return answer, nil }
	got := w.get("/oauth/validate", "Authorization", "Bearer t")
	if want := `{"active":true,"exp":1700000000,"workspace_url":null,"scopes":["openid","workspace:viewer"]}`; got.body != want {
		t.Errorf("body = %s, want %s", got.body, want)
	}
	answer.WorkspaceId = proto.String("w1")
	if got := w.get("/oauth/validate", "Authorization", "Bearer t"); !strings.Contains(got.body, `"workspace_url":"https://as.test/workspaces/w1"`) {
		t.Errorf("body = %s", got.body)
	}
}

// N178: "not known" is not "not active".
func TestN178_ValidateFailsClosed(t *testing.T) {
	w := newWorld(t)
	w.intro.validate = func(*introspectionv1.ValidateRequest) (*introspectionv1.ValidateResponse, error) {
		return nil, oauth.Refuse(oauth.TemporarilyUnavailable, "no lease")
	}
	got := w.get("/oauth/validate", "Authorization", "Bearer t")
	got.wantJSONError(t, 503, "temporarily_unavailable")
	if got.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After = %q", got.Header.Get("Retry-After"))
	}
}
