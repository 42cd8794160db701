package gateway_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"golang.org/x/time/rate"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc/metadata"

	"github.com/chancery-auth/chancery/gateway"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

const issuer = "https://as.test"

// start is when every test begins.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is the edge before scripted services.
type world struct {
	*httptest.Server
	t         *testing.T
	authorize *authorizeScript
	token     *tokenScript
	intro     *introspectionScript
	registry  *registryScript
	developer *developerScript
	consent   *consentScript
	directory *directoryScript
	// registration is where clients register themselves.
	registration *registrationScript
	log          *lockedBuffer
	spans        *tracetest.InMemoryExporter
	ends         endings
}

// newWorld starts an edge. change may alter its configuration.
func newWorld(t *testing.T, change ...func(*gateway.Config)) *world {
	t.Helper()
	w := &world{
		t: t, authorize: &authorizeScript{}, token: &tokenScript{}, intro: &introspectionScript{},
		registry: &registryScript{}, developer: &developerScript{}, consent: &consentScript{}, directory: &directoryScript{}, registration: &registrationScript{}, log: &lockedBuffer{}, spans: tracetest.NewInMemoryExporter(), ends: make(endings, 8),
	}
	log := slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(w.spans))
	t.Cleanup(func() { _ = provider.Shutdown(context.WithoutCancel(t.Context())) })
	tracer := provider.Tracer("test")
	local, err := grpcserve.NewLocal(grpcserve.Options{Log: log, Tracer: tracer})
	if err != nil {
		t.Fatal(err)
	}
	authorizev1.RegisterAuthorizeServiceServer(local, w.authorize)
	tokenv1.RegisterTokenServiceServer(local, w.token)
	introspectionv1.RegisterIntrospectionServiceServer(local, w.intro)
	registryv1.RegisterRegistryServiceServer(local, w.registry)
	registryv1.RegisterDeveloperServiceServer(local, w.developer)
	registryv1.RegisterRegistrationServiceServer(local, w.registration)
	consentv1.RegisterConsentServiceServer(local, w.consent)
	directoryv1.RegisterDirectoryServiceServer(local, w.directory)

	cfg := gateway.Config{Issuer: issuer, Preset: preset.Default(), Brand: pages.Brand{Name: preset.Default().Brand.Name}, Bound: 5 * time.Second, HSTS: "max-age=63072000; includeSubDomains", Limits: gateway.Limits{Clients: 2000, Holders: 1000, Browsers: 300}}
	for _, c := range change {
		c(&cfg)
	}
	handler, err := gateway.New(cfg, gateway.Deps{
		Services: local.Conn("gateway"),
		Log:      log,
		Now:      func() time.Time { return start },
		Tracer:   tracer,
		Observe:  w.ends.note,
		Limiter:  ratelimit.New(func() time.Time { return start }, nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Server = httptest.NewUnstartedServer(nil)
	if w.Config, err = gateway.Server(handler, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	w.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	w.Listener = gateway.Listen(w.Config, w.Listener)
	w.Start()
	t.Cleanup(w.Close)
	w.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return w
}

func withoutRates(c *gateway.Config) {
	c.Limits = gateway.Limits{Clients: rate.Inf, Holders: rate.Inf, Browsers: rate.Inf}
}

func trusting(proxies ...string) func(*gateway.Config) {
	return func(c *gateway.Config) {
		for _, p := range proxies {
			c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix(p))
		}
	}
}

// answer is a response that was read.
type answer struct {
	*http.Response
	body string
}

// call is one request. Its zero value is a GET without headers.
type call struct {
	method, path, body string
	header             http.Header
}

func (w *world) do(c call) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), c.method, w.URL+c.path, strings.NewReader(c.body))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, values := range c.header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	resp, err := w.Client().Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{resp, string(body)}
}

// get sends a GET with headers given as name and value.
func (w *world) get(path string, headers ...string) answer {
	w.t.Helper()
	return w.do(call{method: "GET", path: path, header: headerOf(headers)})
}

// post sends a form, with headers given as name and value.
func (w *world) post(path, body string, headers ...string) answer {
	w.t.Helper()
	h := headerOf(headers)
	if h["Content-Type"] == nil {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return w.do(call{method: "POST", path: path, body: body, header: h})
}

func headerOf(pairs []string) http.Header {
	h := make(http.Header)
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// raw sends bytes that no client library would, and returns the answer to them.
func (w *world) raw(request string) answer {
	w.t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(w.t.Context(), "tcp", w.Listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		w.t.Fatalf("no answer to %.60q: %v", request, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	return answer{resp, string(body)}
}

func (a answer) wantStatus(t *testing.T, want int) {
	t.Helper()
	if a.StatusCode != want {
		t.Errorf("status = %d, want %d: %.300s", a.StatusCode, want, a.body)
	}
}

// wantJSONError is the shape J<status>(<code>).
func (a answer) wantJSONError(t *testing.T, status int, code string) {
	t.Helper()
	a.wantStatus(t, status)
	if ct, cc := a.Header.Get("Content-Type"), a.Header.Get("Cache-Control"); ct != "application/json" || cc != "no-store" {
		t.Errorf("Content-Type %q, Cache-Control %q", ct, cc)
	}
	if !strings.HasPrefix(a.body, `{"error":"`+code+`"`) {
		t.Errorf("body = %s, want error %s", a.body, code)
	}
}

// wantPage is the shape PAGE, with another status where one is due.
func (a answer) wantPage(t *testing.T, status int) {
	t.Helper()
	a.wantStatus(t, status)
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") || !strings.Contains(a.body, `id="oauth-error"`) {
		t.Errorf("not an error page: %s %.200s", a.Header.Get("Content-Type"), a.body)
	}
	if l := a.Header.Get("Location"); l != "" {
		t.Errorf("page has Location %q", l)
	}
	if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("X-Frame-Options") != "DENY" ||
		!strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Errorf("page lacks security headers: %v", a.Header)
	}
	if !strings.Contains(a.body, a.Header.Get("X-Request-Id")) {
		t.Error("page has no reference")
	}
}

func (a answer) cookie(name string) *http.Cookie {
	for _, c := range a.Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// script is what the doubles share: the last metadata, and how often they were
// called.
type script struct {
	mu    sync.Mutex
	md    metadata.MD
	calls int
}

func (s *script) note(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.md, _ = metadata.FromIncomingContext(ctx)
	s.calls++
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

type tokenScript struct {
	tokenv1.UnimplementedTokenServiceServer
	script
	exchange func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error)
	revoke   func(*tokenv1.RevokeRequest) error
	jwks     func() (*httpbody.HttpBody, error)
	reuses   func(*tokenv1.ListReusesRequest) (*tokenv1.ListReusesResponse, error)
}

func (s *tokenScript) ListReuses(ctx context.Context, req *tokenv1.ListReusesRequest) (*tokenv1.ListReusesResponse, error) {
	s.note(ctx)
	if s.reuses != nil {
		return s.reuses(req)
	}
	return &tokenv1.ListReusesResponse{}, nil
}

func (s *tokenScript) Exchange(ctx context.Context, req *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
	s.note(ctx)
	if s.exchange != nil {
		return s.exchange(ctx, req)
	}
	return &tokenv1.ExchangeResponse{AccessToken: "at", TokenType: "Bearer", ExpiresIn: 300}, nil
}

func (s *tokenScript) Revoke(ctx context.Context, req *tokenv1.RevokeRequest) (*tokenv1.RevokeResponse, error) {
	s.note(ctx)
	if s.revoke != nil {
		return &tokenv1.RevokeResponse{}, s.revoke(req)
	}
	return &tokenv1.RevokeResponse{}, nil
}

func (s *tokenScript) GetJwks(ctx context.Context, _ *tokenv1.GetJwksRequest) (*httpbody.HttpBody, error) {
	s.note(ctx)
	if s.jwks != nil {
		return s.jwks()
	}
	return &httpbody.HttpBody{ContentType: "application/json", Data: []byte(`{"keys":[]}`)}, nil
}

type introspectionScript struct {
	introspectionv1.UnimplementedIntrospectionServiceServer
	script
	introspect func(*introspectionv1.IntrospectRequest) (*introspectionv1.IntrospectResponse, error)
	userInfo   func(*introspectionv1.UserInfoRequest) (*introspectionv1.UserInfoResponse, error)
	validate   func(*introspectionv1.ValidateRequest) (*introspectionv1.ValidateResponse, error)
}

func (s *introspectionScript) Introspect(ctx context.Context, req *introspectionv1.IntrospectRequest) (*introspectionv1.IntrospectResponse, error) {
	s.note(ctx)
	if s.introspect != nil {
		return s.introspect(req)
	}
	return &introspectionv1.IntrospectResponse{}, nil
}

func (s *introspectionScript) UserInfo(ctx context.Context, req *introspectionv1.UserInfoRequest) (*introspectionv1.UserInfoResponse, error) {
	s.note(ctx)
	return s.userInfo(req)
}

func (s *introspectionScript) Validate(ctx context.Context, req *introspectionv1.ValidateRequest) (*introspectionv1.ValidateResponse, error) {
	s.note(ctx)
	return s.validate(req)
}

type registryScript struct {
	registryv1.UnimplementedRegistryServiceServer
	script
	origins []string
	fail    error
}

func (s *registryScript) CheckOrigin(ctx context.Context, req *registryv1.CheckOriginRequest) (*registryv1.CheckOriginResponse, error) {
	s.note(ctx)
	for _, o := range s.origins {
		if o == req.GetOrigin() {
			return &registryv1.CheckOriginResponse{Registered: true}, s.fail
		}
	}
	return &registryv1.CheckOriginResponse{}, s.fail
}

type authorizeScript struct {
	authorizev1.UnimplementedAuthorizeServiceServer
	script
	push        func(*authorizev1.PushAuthorizationRequestRequest) (*authorizev1.PushAuthorizationRequestResponse, error)
	begin       func(*authorizev1.StartAuthorizationRequest) (*authorizev1.Step, error)
	interaction func(*authorizev1.GetInteractionRequest) (*authorizev1.GetInteractionResponse, error)
	signIn      func(*authorizev1.SignInRequest) (*authorizev1.SignInResponse, error)
	choose      func(*authorizev1.ChooseAccountRequest) (*authorizev1.Step, error)
	consent     func(*authorizev1.SubmitConsentRequest) (*authorizev1.Step, error)
	cancel      func(*authorizev1.CancelAuthorizationRequest) (*authorizev1.Step, error)
	session     func(*authorizev1.GetSessionRequest) (*authorizev1.GetSessionResponse, error)
	open        func(*authorizev1.OpenSessionRequest) (*authorizev1.OpenSessionResponse, error)
	password    func(*authorizev1.ChangePasswordRequest) (*authorizev1.ChangePasswordResponse, error)
	ended       []string
	// changed are the new passwords.
	changed []string
}

func (s *authorizeScript) ChangePassword(ctx context.Context, req *authorizev1.ChangePasswordRequest) (*authorizev1.ChangePasswordResponse, error) {
	s.note(ctx)
	if s.password != nil {
		return s.password(req)
	}
	s.changed = append(s.changed, req.GetNewPassword())
	return &authorizev1.ChangePasswordResponse{
		Outcome: authorizev1.SignInResponse_OUTCOME_SIGNED_IN, Session: "s3", Device: "d1",
	}, nil
}

func (s *authorizeScript) GetSession(ctx context.Context, req *authorizev1.GetSessionRequest) (*authorizev1.GetSessionResponse, error) {
	s.note(ctx)
	if s.session == nil {
		return nil, fault.New(fault.NotFound, "nobody is signed in")
	}
	return s.session(req)
}

func (s *authorizeScript) OpenSession(ctx context.Context, req *authorizev1.OpenSessionRequest) (*authorizev1.OpenSessionResponse, error) {
	s.note(ctx)
	return s.open(req)
}

func (s *authorizeScript) EndSession(ctx context.Context, req *authorizev1.EndSessionRequest) (*authorizev1.EndSessionResponse, error) {
	s.note(ctx)
	s.ended = append(s.ended, req.GetSessionId())
	return &authorizev1.EndSessionResponse{}, nil
}

func (s *authorizeScript) PushAuthorizationRequest(ctx context.Context, req *authorizev1.PushAuthorizationRequestRequest) (*authorizev1.PushAuthorizationRequestResponse, error) {
	s.note(ctx)
	if s.push != nil {
		return s.push(req)
	}
	return &authorizev1.PushAuthorizationRequestResponse{RequestUri: "urn:x", ExpiresIn: 90}, nil
}

func (s *authorizeScript) StartAuthorization(ctx context.Context, req *authorizev1.StartAuthorizationRequest) (*authorizev1.StartAuthorizationResponse, error) {
	s.note(ctx)
	step, err := s.begin(req)
	return &authorizev1.StartAuthorizationResponse{Next: step}, err
}

func (s *authorizeScript) GetInteraction(ctx context.Context, req *authorizev1.GetInteractionRequest) (*authorizev1.GetInteractionResponse, error) {
	s.note(ctx)
	return s.interaction(req)
}

func (s *authorizeScript) SignIn(ctx context.Context, req *authorizev1.SignInRequest) (*authorizev1.SignInResponse, error) {
	s.note(ctx)
	return s.signIn(req)
}

func (s *authorizeScript) ChooseAccount(ctx context.Context, req *authorizev1.ChooseAccountRequest) (*authorizev1.ChooseAccountResponse, error) {
	s.note(ctx)
	step, err := s.choose(req)
	return &authorizev1.ChooseAccountResponse{Next: step}, err
}

func (s *authorizeScript) SubmitConsent(ctx context.Context, req *authorizev1.SubmitConsentRequest) (*authorizev1.SubmitConsentResponse, error) {
	s.note(ctx)
	step, err := s.consent(req)
	return &authorizev1.SubmitConsentResponse{Next: step}, err
}

func (s *authorizeScript) CancelAuthorization(ctx context.Context, req *authorizev1.CancelAuthorizationRequest) (*authorizev1.CancelAuthorizationResponse, error) {
	s.note(ctx)
	step, err := s.cancel(req)
	return &authorizev1.CancelAuthorizationResponse{Next: step}, err
}

// redirectStep leads to the client of the tests.
func redirectStep(params ...string) *authorizev1.Step {
	r := &authorizev1.ClientRedirect{RedirectUri: "https://app.example/cb?keep=1", ResponseMode: "query"}
	for i := 0; i < len(params); i += 2 {
		r.Parameters = append(r.Parameters, &authorizev1.ClientRedirect_Parameter{Name: params[i], Value: params[i+1]})
	}
	return &authorizev1.Step{Kind: &authorizev1.Step_Redirect{Redirect: r}}
}

func errorStep(code, description string) *authorizev1.Step {
	return &authorizev1.Step{Kind: &authorizev1.Step_ErrorPage{ErrorPage: &authorizev1.ErrorPage{Error: code, ErrorDescription: description}}}
}

func interactionStep(page authorizev1.Interaction_Page, transaction, binding string) *authorizev1.Step {
	return &authorizev1.Step{Kind: &authorizev1.Step_Interaction{Interaction: &authorizev1.Interaction{
		Transaction: transaction, Binding: binding, Page: page,
	}}}
}

// lockedBuffer is a log that may be written and read at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
