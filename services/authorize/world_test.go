package authorize_test

import (
	"errors"
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/protobuf/proto"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/authorize"
)

const (
	issuer    = "https://as.test"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// world is the service, and what it sees of everybody else.
type world struct {
	*testing.T
	authorizev1.AuthorizeServiceClient

	registry  *registry
	directory *directory
	consent   *consent
	token     *token
	service   *authorize.Service
	// replica is another process of the service, over the same database.
	replica authorizev1.AuthorizeServiceClient
	// ageSessions moves every sign-in an hour into the past.
	ageSessions func()
	// rows counts those of a table of the SQLite store.
	rows func(table string) int
	// pushes is a limit of each client, in the processes that start from then on.
	pushes ratelimit.Gate
}

// option changes the preset.
type option func(*preset.Preset)

// newWorld has the clients C1 and C2, confidential, P1, public and native, and
// the users U1 and U2. It runs on SQLite.
func newWorld(t *testing.T, options ...option) *world {
	t.Helper()
	db := sqlitetest.New(t, coherence.Set(), events.Set(), authorize.Migrations())
	w := newWorldOn(t, authorize.NewStores(database.SQLite(db)), options...)
	w.ageSessions = func() {
		if _, err := db.Write().ExecContext(t.Context(), `UPDATE authorize_session SET auth_time = auth_time - 3600 * 1000000`); err != nil {
			t.Fatal(err)
		}
	}
	w.rows = func(table string) (n int) {
		if err := db.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM authorize_`+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	return w
}

// onBoth runs f in a world on each database.
func onBoth(t *testing.T, f func(w *world)) {
	t.Run("SQLite", func(t *testing.T) { f(newWorld(t)) })
	t.Run("Postgres", func(t *testing.T) {
		db := pgtest.New(t, coherence.Set(), events.Set(), authorize.Migrations())
		w := newWorldOn(t, authorize.NewStores(database.Postgres(db)))
		w.ageSessions = func() {
			if _, err := db.Exec(t.Context(), `UPDATE authorize.session SET auth_time = auth_time - interval '1 hour'`); err != nil {
				t.Fatal(err)
			}
		}
		f(w)
	})
}

func newWorldOn(t *testing.T, stores authorize.Stores, options ...option) *world {
	t.Helper()
	defaults := preset.Default()
	for _, o := range options {
		o(&defaults)
	}
	key, err := jwks.Generate(jwks.ES256)
	if err != nil {
		t.Fatal(err)
	}
	signing, err := jwks.NewSet(key)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		T: t, registry: &registry{clients: clients()}, token: &token{signing: signing},
		directory: &directory{subjects: map[string]*directoryv1.Subject{
			"u1": {Sub: "u1", Username: "u1", Version: 5}, "u2": {Sub: "u2", Username: "u2", Version: 5},
		}},
		consent: &consent{grants: make(map[string]*consentv1.Grant)},
	}
	config := authorize.Config{Issuer: issuer, Preset: defaults}
	w.service, w.AuthorizeServiceClient = w.process(config, stores)
	_, w.replica = w.process(config, stores)
	return w
}

// process starts the service among everybody else, and returns it as the gateway
// sees it.
func (w *world) process(config authorize.Config, stores authorize.Stores) (*authorize.Service, authorizev1.AuthorizeServiceClient) {
	w.Helper()
	local, err := grpcserve.NewLocal(grpcserve.Options{Log: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer("")})
	if err != nil {
		w.Fatal(err)
	}
	registryv1.RegisterRegistryServiceServer(local, w.registry)
	directoryv1.RegisterDirectoryServiceServer(local, w.directory)
	consentv1.RegisterConsentServiceServer(local, w.consent)
	tokenv1.RegisterTokenServiceServer(local, w.token)
	self := local.Conn("authorize")
	service := authorize.New(config, authorize.Deps{
		Stores:    stores,
		Registry:  registryv1.NewRegistryServiceClient(self),
		Directory: directoryv1.NewDirectoryServiceClient(self),
		Consent:   consentv1.NewConsentServiceClient(self),
		Token:     tokenv1.NewTokenServiceClient(self),
		Pushes:    w.pushes,
	})
	service.Register(local)
	return service, authorizev1.NewAuthorizeServiceClient(local.Conn("gateway"))
}

func clients() map[string]*registryv1.Client {
	client := func(id, method, redirectURI string) *registryv1.Client {
		return &registryv1.Client{
			ClientId: id, ClientName: "Client " + id, ApplicationType: "web", TokenEndpointAuthMethod: method,
			RedirectUris: []string{redirectURI}, GrantTypes: []string{"authorization_code", "refresh_token"},
			Scope: "openid profile email offline_access workspace:viewer workspace:member",
		}
	}
	public := client("p1", oauth.AuthNone, "http://127.0.0.1/cb")
	public.ApplicationType = "native"
	return map[string]*registryv1.Client{
		"c1": client("c1", oauth.AuthClientSecretPost, "https://app.example/cb"),
		"c2": client("c2", oauth.AuthClientSecretPost, "https://two.example/cb"),
		"p1": public,
	}
}

// browser keeps the cookies that it is given.
type browser struct {
	session  string
	bindings []string
	// fetchDest is its Sec-Fetch-Dest header.
	fetchDest string
}

func (b *browser) cookies() *authorizev1.Browser {
	return &authorizev1.Browser{Session: b.session, Bindings: b.bindings, AddressBlock: "192.0.2.1/32", UserAgent: "test", FetchDest: b.fetchDest}
}

// keep takes the cookie of a step, and returns the step.
func (b *browser) keep(s *authorizev1.Step) *authorizev1.Step {
	if binding := s.GetInteraction().GetBinding(); binding != "" {
		b.bindings = append(b.bindings, binding)
	}
	return s
}

// request is a valid authorization request of C1 with one change.
func request(change func(*authorizev1.AuthorizationRequest)) *authorizev1.AuthorizationRequest {
	r := &authorizev1.AuthorizationRequest{
		ResponseType: "code", ClientId: "c1", RedirectUri: "https://app.example/cb", Scope: "openid profile", State: "the state",
		Nonce: "n", CodeChallenge: challenge, CodeChallengeMethod: "S256",
	}
	if change != nil {
		change(r)
	}
	return r
}

func (w *world) start(b *browser, change func(*authorizev1.AuthorizationRequest)) *authorizev1.Step {
	w.Helper()
	resp, err := w.StartAuthorization(w.Context(), &authorizev1.StartAuthorizationRequest{Request: request(change), Browser: b.cookies()})
	if err != nil {
		w.Fatalf("StartAuthorization() = %v", err)
	}
	return b.keep(resp.GetNext())
}

// begin starts a request that leads to a page, and returns the transaction.
func (w *world) begin(b *browser, page authorizev1.Interaction_Page, change func(*authorizev1.AuthorizationRequest)) string {
	w.Helper()
	step := w.start(b, change)
	w.wantPage(step, page)
	return step.GetInteraction().GetTransaction()
}

func (w *world) signIn(b *browser, transaction, user string) *authorizev1.Step {
	w.Helper()
	resp, err := w.SignIn(w.Context(), &authorizev1.SignInRequest{Transaction: transaction, Browser: b.cookies(), Username: user, Password: "pw"})
	if err != nil || resp.GetOutcome() != authorizev1.SignInResponse_OUTCOME_SIGNED_IN {
		w.Fatalf("SignIn() = %v, %v", resp, err)
	}
	if resp.GetSession() == "" || resp.GetSession() == b.session {
		w.Errorf("SignIn() gave the session %q", resp.GetSession())
	}
	b.session = resp.GetSession()
	return b.keep(resp.GetNext())
}

// signedIn is a browser in which the user is signed in.
func (w *world) signedIn(user string) *browser {
	w.Helper()
	b := &browser{}
	tx := w.begin(b, authorizev1.Interaction_PAGE_SIGN_IN, nil)
	w.signIn(b, tx, user)
	b.bindings = nil
	return b
}

func (w *world) view(b *browser, transaction string) (*authorizev1.GetInteractionResponse, error) {
	return w.GetInteraction(w.Context(), &authorizev1.GetInteractionRequest{Transaction: transaction, Browser: b.cookies()})
}

// allow sees the page and approves it.
func (w *world) allow(b *browser, transaction string) *authorizev1.Step {
	w.Helper()
	w.wantView(b, transaction, authorizev1.Interaction_PAGE_CONSENT)
	step, err := w.submit(b, transaction)
	if err != nil {
		w.Fatalf("SubmitConsent() = %v", err)
	}
	return step
}

func (w *world) submit(b *browser, transaction string, workspaces ...string) (*authorizev1.Step, error) {
	return w.submitTo(w, b, transaction, workspaces...)
}

func (w *world) submitTo(replica authorizev1.AuthorizeServiceClient, b *browser, transaction string, workspaces ...string) (*authorizev1.Step, error) {
	resp, err := replica.SubmitConsent(w.Context(), &authorizev1.SubmitConsentRequest{
		Transaction: transaction, Browser: b.cookies(), Allow: true, WorkspaceIds: workspaces,
	})
	return resp.GetNext(), err
}

// connected is a signed-in browser whose user has allowed C1 its scope.
func (w *world) connected(user string) *browser {
	w.Helper()
	b := w.signedIn(user)
	w.wantCode(w.allow(b, w.begin(b, authorizev1.Interaction_PAGE_CONSENT, nil)))
	return b
}

func (w *world) wantPage(s *authorizev1.Step, want authorizev1.Interaction_Page) {
	w.Helper()
	if got := s.GetInteraction().GetPage(); got != want {
		w.Fatalf("step is %v, want the page %v", s, want)
	}
}

func (w *world) wantView(b *browser, transaction string, want authorizev1.Interaction_Page) *authorizev1.GetInteractionResponse {
	w.Helper()
	view, err := w.view(b, transaction)
	if err != nil || view.GetPage() != want {
		w.Fatalf("GetInteraction() = %v, %v, want the page %v", view, err, want)
	}
	return view
}

func (w *world) wantErrorPage(s *authorizev1.Step, want oauth.ErrorCode) {
	w.Helper()
	if got := s.GetErrorPage(); got.GetError() != string(want) || got.GetErrorDescription() == "" {
		w.Errorf("step is %v, want an error page with %s", s, want)
	}
}

func (w *world) wantError(err error, want oauth.ErrorCode) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("got %v, want %s", err, want)
	}
}

// wantRefusal checks an answer to the client, its state and iss (N042) included.
func (w *world) wantRefusal(s *authorizev1.Step, want oauth.ErrorCode) {
	w.Helper()
	w.wantAnswer(s, [][2]string{{"error", string(want)}, {"error_description", value(s, "error_description")}, {"state", "the state"}, {"iss", issuer}})
}

// wantCode checks an answer to the client that has a code.
func (w *world) wantCode(s *authorizev1.Step) {
	w.Helper()
	code := value(s, "code")
	if code == "" {
		w.Errorf("answer has no code")
	}
	w.wantAnswer(s, [][2]string{{"code", code}, {"state", "the state"}, {"iss", issuer}})
}

func (w *world) wantAnswer(s *authorizev1.Step, want [][2]string) {
	w.Helper()
	expected := &authorizev1.ClientRedirect{RedirectUri: s.GetRedirect().GetRedirectUri(), ResponseMode: s.GetRedirect().GetResponseMode()}
	for _, p := range want {
		expected.Parameters = append(expected.Parameters, &authorizev1.ClientRedirect_Parameter{Name: p[0], Value: p[1]})
	}
	if s.GetRedirect() == nil || expected.GetRedirectUri() == "" || !proto.Equal(expected, s.GetRedirect()) {
		w.Errorf("step is %v, want the answer %v", s, want)
	}
}

func value(s *authorizev1.Step, name string) string {
	for _, p := range s.GetRedirect().GetParameters() {
		if p.GetName() == name {
			return p.GetValue()
		}
	}
	return ""
}

// push returns the request_uri of a valid pushed request with one change.
func (w *world) push(change func(*authorizev1.PushAuthorizationRequestRequest)) (string, error) {
	r := &authorizev1.PushAuthorizationRequestRequest{
		ResponseType: "code", ClientId: "c1", RedirectUri: "https://app.example/cb", Scope: "openid profile", State: "the state",
		CodeChallenge: challenge, CodeChallengeMethod: "S256", ClientSecret: "secret",
	}
	if change != nil {
		change(r)
	}
	resp, err := w.PushAuthorizationRequest(w.Context(), r)
	return resp.GetRequestUri(), err
}

// pushed is an authorization request that names a pushed one and nothing else.
func pushed(requestURI string) func(*authorizev1.AuthorizationRequest) {
	return func(r *authorizev1.AuthorizationRequest) {
		proto.Reset(r)
		r.ClientId, r.RequestUri = "c1", requestURI
	}
}

func (w *world) mustPush() string {
	w.Helper()
	uri, err := w.push(nil)
	if err != nil {
		w.Fatalf("PushAuthorizationRequest() = %v", err)
	}
	return uri
}
