package gateway_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"github.com/chancery-auth/chancery/gateway"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// ending is how a request ended.
type ending struct {
	endpoint string
	status   int
}

// endings is a recorder for gateway.Deps.Observe. It keeps no more than it has
// room for.
type endings chan ending

func (e endings) note(ctx context.Context, endpoint string, status int, _ time.Duration) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		endpoint = "without a span: " + endpoint
	}
	select {
	case e <- ending{endpoint, status}:
	default:
	}
}

// next waits, for an answer may be read before its handler has returned.
func (e endings) next(t *testing.T) ending {
	t.Helper()
	select {
	case got := <-e:
		return got
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was observed")
		return ending{}
	}
}

// N253: a request ends under one of few fixed names, whatever its path is.
func TestN253_EndpointsHaveFixedNames(t *testing.T) {
	w := newWorld(t, withoutRates, presets["open registration"])
	w.authorize.begin = func(*authorizev1.StartAuthorizationRequest) (*authorizev1.Step, error) {
		return errorStep("invalid_request", ""), nil
	}
	tests := []struct {
		name string
		do   func()
		want ending
	}{
		{"token", func() { w.post("/oauth/token", goodForm) }, ending{"token", 200}},
		{"a method that is not allowed", func() { w.get("/oauth/token") }, ending{"token", 405}},
		{"revoke", func() { w.post("/oauth/revoke", "token=x") }, ending{"revoke", 200}},
		{"pushed request", func() { w.post("/oauth/par", "client_id=c") }, ending{"par", 201}},
		{"introspect", func() { w.post("/oauth/introspect", "token=x") }, ending{"introspect", 200}},
		{"user info without a token", func() { w.get("/oauth/userinfo") }, ending{"userinfo", 401}},
		{"validate without a token", func() { w.get("/oauth/validate") }, ending{"validate", 200}},
		{"key set", func() { w.get("/.well-known/jwks.json") }, ending{"jwks", 200}},
		{"metadata", func() { w.get("/.well-known/openid-configuration") }, ending{"metadata", 200}},
		{"authorize", func() { w.get("/oauth/authorize?client_id=c") }, ending{"authorize", 400}},
		{"home", func() { w.get("/") }, ending{"home", 200}},
		{"icon", func() { w.get("/favicon.ico") }, ending{"assets", 204}},
		{"an asset that is not there", func() { w.get("/assets/x") }, ending{"assets", 404}},
		{"sign in without a transaction", func() { w.get("/signin") }, ending{"signin", 200}},
		{"account without a transaction", func() { w.get("/account") }, ending{"account", 200}},
		{"consent without a transaction", func() { w.get("/consent") }, ending{"consent", 200}},
		{"what users have allowed", func() { w.get("/account/apps") }, ending{"account_apps", 303}},
		{"the question before access is taken back", func() { w.get("/account/apps/x/revoke") }, ending{"account_apps", 303}},
		{"a change of one's password", func() { w.get("/account/password") }, ending{"account_password", 303}},
		{"apps of developers", func() { w.get("/developer/apps") }, ending{"developer", 303}},
		{"an app of a developer", func() { w.get("/developer/apps/x") }, ending{"developer", 303}},
		{"directory of apps", func() { w.get("/apps") }, ending{"directory", 200}},
		{"logo", func() { w.get("/logos/x") }, ending{"logo", 404}},
		{"OpenAPI document", func() { w.get("/v1/openapi.json") }, ending{"openapi", 200}},
		{"sign out", func() { w.get("/signout") }, ending{"signout", 405}},
		{"register a client", func() { w.get("/oauth/register") }, ending{"register", 405}},
		{"a client that registered", func() { w.get("/oauth/register/x/") }, ending{"unknown", 404}},
		{"a client's own registration", func() { w.post("/oauth/register/x", "") }, ending{"registration", 405}},
		{"any other path", func() { w.get("/a-path-of-an-attacker") }, ending{"unknown", 404}},
	}
	var names []string
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.do()
			if got := w.ends.next(t); got != tt.want {
				t.Errorf("observed %v, want %v", got, tt.want)
			}
		})
		names = append(names, tt.want.endpoint)
	}
	slices.Sort(names)
	if diff := cmp.Diff(slices.Compact(names), gateway.Endpoints()); diff != "" {
		t.Errorf("Endpoints (-observed +returned):\n%s", diff)
	}
}

// The call of a service is a child of the request that needs it, and the
// request of the proxy before it, if that one is trusted.
func TestCallsAreInTheTraceOfTheRequest(t *testing.T) {
	const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, trusted := range map[string]bool{"a trusted proxy": true, "anybody": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if trusted {
				w = newWorld(t, trusting("127.0.0.0/8"))
			}
			w.post("/oauth/token", goodForm, "Traceparent", traceparent)

			spans := w.spans.GetSpans()
			if len(spans) != 2 {
				t.Fatalf("%d spans, want the request's and the call's", len(spans))
			}
			call, request := spans[0], spans[1] // the inner one ends first
			if request.Name != "HTTP /oauth/token" || call.Name != "/chancery.token.v1.TokenService/Exchange" {
				t.Fatalf("spans %q and %q", request.Name, call.Name)
			}
			if call.Parent.SpanID() != request.SpanContext.SpanID() || call.SpanContext.TraceID() != request.SpanContext.TraceID() {
				t.Errorf("the call's parent is %v, want %v", call.Parent, request.SpanContext)
			}
			if goesOn := request.Parent.SpanID().String() == traceparent[36:52]; goesOn != trusted {
				t.Errorf("the trace of the peer goes on: %v, want %v", goesOn, trusted)
			}
		})
	}
}

// A handler that panics is seen as the failure that its client sees.
func TestPanicIsObservedAsFailure(t *testing.T) {
	w := newWorld(t)
	w.authorize.begin = func(*authorizev1.StartAuthorizationRequest) (*authorizev1.Step, error) { panic("x") }
	w.get("/oauth/authorize?client_id=c").wantStatus(t, http.StatusInternalServerError)
	if got := w.ends.next(t); got.status != http.StatusInternalServerError {
		t.Errorf("observed %v", got)
	}
}
