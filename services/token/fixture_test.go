package token_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/kek"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	"github.com/chancery-auth/chancery/pkg/seal"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/token"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

const (
	issuer   = "https://as.test"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 Appendix B
	callback = "https://app.example/cb"
	api      = "https://api.example"
)

// client is how a client of these tests authenticates.
type client struct{ id, method, secret string }

var (
	c1 = client{"c1", oauth.AuthClientSecretBasic, "s1"}
	c2 = client{"c2", oauth.AuthClientSecretPost, "s2"}
	p1 = client{"p1", oauth.AuthNone, ""}
)

// fixture is the token service behind the interceptors that it has when it
// runs, on SQLite, between doubles of the services that it calls.
type fixture struct {
	token    tokenv1.TokenServiceClient // as the gateway
	admin    tokenv1.TokenServiceClient
	authz    tokenv1.TokenServiceClient // as authorize
	keys     tokenv1.TokenServiceClient // as introspection
	service  *token.Service
	setting  setting
	sealer   *credential.Sealer
	log      coherent.Source
	registry *registry
	consent  *consent
	people   *people
	offset   time.Duration // of this replica's clock
}

// setting is what a test may change before the service starts.
type setting struct {
	preset   preset.Preset
	stores   token.Stores
	log      coherent.Source
	keys     token.Keys
	kek      *kek.Key
	counters token.Counters
	audit    eventtest.Audit
	// exchanges and revocations are limits of each client.
	exchanges, revocations ratelimit.Gate
	offset                 time.Duration // of this replica's clock, from the start
}

// replica makes a second replica of f: another process on one database.
func (f *fixture) replica(t *testing.T) *fixture {
	t.Helper()
	return newFixture(t, func(s *setting) { *s = f.setting })
}

// onPostgres returns the change that has a fixture keep everything in db.
func onPostgres(t *testing.T) (db *database.DB, change func(*setting)) {
	t.Helper()
	db, log := storetest.Postgres(t)
	return db, func(s *setting) { s.stores, s.log, s.audit = token.NewStores(db), log, eventtest.On(db) }
}

func execute(t *testing.T, db *database.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func newFixture(t *testing.T, change ...func(*setting)) *fixture {
	t.Helper()
	db, log := storetest.SQLite(t)
	set := setting{preset: preset.Default(), stores: token.NewStores(db), log: log, audit: eventtest.On(db)}
	set.preset.Resources = []string{api, "https://b.example"}
	var err error
	if set.kek, err = kek.Open("file:"+filepath.Join(t.TempDir(), "kek"), kek.Create()); err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(&set)
	}
	batch, err := coherenttest.Load(t.Context(), set.log)
	if err != nil {
		t.Fatal(err)
	}
	local, err := grpcserve.NewLocal(grpcserve.Options{
		Log: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer(""), Unavailable: pg.Unavailable,
	})
	if err != nil {
		t.Fatal(err)
	}
	vault := key.Vault{Keys: set.stores.Keys, KEK: set.kek, Generate: generate}
	if _, err := vault.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := &fixture{setting: set, offset: set.offset, log: set.log, registry: newRegistry(), consent: newConsent(), people: newPeople()}
	peers := local.Conn("token")
	f.service = token.New(token.Config{Issuer: issuer, Preset: set.preset, Keys: set.keys}, token.Deps{
		Stores: set.stores, KEK: set.kek, Counters: set.counters,
		Registry:  registryv1.NewRegistryServiceClient(peers),
		Consent:   consentv1.NewConsentServiceClient(peers),
		Directory: directoryv1.NewDirectoryServiceClient(peers),
		Now:       func() time.Time { return batch.DatabaseTime.Add(f.offset) },
		Exchanges: set.exchanges, Revocations: set.revocations,
	})
	if err := f.service.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.service.Register(local)
	registryv1.RegisterRegistryServiceServer(local, f.registry)
	consentv1.RegisterConsentServiceServer(local, f.consent)
	directoryv1.RegisterDirectoryServiceServer(local, f.people)
	f.token = tokenv1.NewTokenServiceClient(local.Conn("gateway"))
	f.admin = tokenv1.NewTokenServiceClient(local.Conn(grpcserve.Admin))
	f.authz = tokenv1.NewTokenServiceClient(local.Conn("authorize"))
	f.keys = tokenv1.NewTokenServiceClient(local.Conn("introspection"))
	f.sealer = f.newSealer(t, set.preset.Prefixes)
	return f
}

// databaseTime is the time of the database now.
func (f *fixture) databaseTime(t *testing.T) time.Time {
	t.Helper()
	batch, err := coherenttest.Load(t.Context(), f.log)
	if err != nil {
		t.Fatal(err)
	}
	return batch.DatabaseTime
}

// signingKey is made once for all fixtures, since an RSA key takes its time.
// Sealing keys are each fixture's own.
var signingKey = map[key.Purpose]func() ([]byte, error){
	key.RS256: sync.OnceValues(func() ([]byte, error) { return key.Generate(key.RS256) }),
	key.ES256: sync.OnceValues(func() ([]byte, error) { return key.Generate(key.ES256) }),
}

func generate(p key.Purpose) ([]byte, error) {
	if made, ok := signingKey[p]; ok {
		return made()
	}
	return key.Generate(p)
}

// newSealer opens credentials as introspection does.
func (f *fixture) newSealer(t *testing.T, p preset.Prefixes) *credential.Sealer {
	t.Helper()
	set, err := f.keys.GetKeySet(t.Context(), &tokenv1.GetKeySetRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var keys []seal.Key
	for _, k := range set.GetKeys() {
		keys = append(keys, seal.Key{ID: k.GetKeyId(), Root: [32]byte(k.GetRoot())})
	}
	ring, err := seal.NewRing(issuer, set.GetPrimaryKeyId(), keys...)
	if err != nil {
		t.Fatal(err)
	}
	return credential.NewSealer(ring, p)
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// code is one for the first client, unless changed.
func (f *fixture) code(t *testing.T, change ...func(*tokenv1.IssueCodeRequest)) string {
	t.Helper()
	req := &tokenv1.IssueCodeRequest{
		ClientId: c1.id, Sub: sub, GrantId: grantID.String(), GrantVersion: 1, SubjectVersion: 1,
		SessionId: sessionID.String(), RedirectUri: callback, CodeChallenge: challenge(verifier), Nonce: "nonce-1",
		Scope: "openid offline_access workspace:member", AuthTime: 1_700_000_000,
	}
	for _, c := range change {
		c(req)
	}
	resp, err := f.authz.IssueCode(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return resp.GetCode()
}

func withScope(scope string) func(*tokenv1.IssueCodeRequest) {
	return func(r *tokenv1.IssueCodeRequest) { r.Scope = scope }
}

// as adds what c authenticates with.
func (c client) as(ctx context.Context, req *tokenv1.ExchangeRequest) context.Context {
	switch c.method {
	case oauth.AuthClientSecretBasic:
		basic := base64.StdEncoding.EncodeToString([]byte(c.id + ":" + c.secret))
		return metadata.AppendToOutgoingContext(ctx, clientauth.MetadataKey, "Basic "+basic)
	case oauth.AuthClientSecretPost:
		req.ClientId, req.ClientSecret = c.id, c.secret
	default:
		req.ClientId = c.id
	}
	return ctx
}

func (f *fixture) exchange(t *testing.T, c client, req *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
	t.Helper()
	req = proto.CloneOf(req)
	return f.token.Exchange(c.as(t.Context(), req), req)
}

func byCode(code string) *tokenv1.ExchangeRequest {
	return &tokenv1.ExchangeRequest{GrantType: oauth.GrantAuthorizationCode, Code: code, CodeVerifier: verifier, RedirectUri: callback}
}

func byRefresh(token string) *tokenv1.ExchangeRequest {
	return &tokenv1.ExchangeRequest{GrantType: oauth.GrantRefreshToken, RefreshToken: token}
}

func byCredentials(scope string) *tokenv1.ExchangeRequest {
	return &tokenv1.ExchangeRequest{GrantType: oauth.GrantClientCredentials, Scope: scope}
}

// mustExchange is exchange for what must be allowed.
func (f *fixture) mustExchange(t *testing.T, c client, req *tokenv1.ExchangeRequest) *tokenv1.ExchangeResponse {
	t.Helper()
	resp, err := f.exchange(t, c, req)
	if err != nil {
		t.Fatalf("%s by %s: %v", req.GetGrantType(), c.id, err)
	}
	return resp
}

// refused checks that an exchange is refused with want.
func (f *fixture) refused(t *testing.T, c client, req *tokenv1.ExchangeRequest, want error) {
	t.Helper()
	if resp, err := f.exchange(t, c, req); !errors.Is(err, want) || resp.GetAccessToken() != "" {
		t.Errorf("%s by %s: %v, want %v", req.GetGrantType(), c.id, err, want)
	}
}

// open opens an access token.
func (f *fixture) open(t *testing.T, text string) credential.AccessToken {
	t.Helper()
	opened, err := f.sealer.OpenAccessToken(text)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// active reports whether a token is, by all that was restricted so far.
func (f *fixture) active(t *testing.T, text string) bool {
	t.Helper()
	token := f.open(t, text)
	batch, err := coherenttest.Load(t.Context(), f.log)
	if err != nil {
		t.Fatal(err)
	}
	state := coherent.NewState(0)
	for _, e := range batch.Entries {
		state.Join(e.KeepUntil, e.Restriction)
	}
	return !state.TokenRevoked(token.ID) && token.IssueTime.Unix() >= state.FamilyEpoch(token.FamilyID) && token.GrantVersion >= f.consent.epoch(token.GrantID)
}

// registry is the double of the registry.
type registry struct {
	registryv1.UnimplementedRegistryServiceServer
	mu      sync.Mutex
	clients map[string]*registryv1.Client
}

func newRegistry() *registry {
	all := []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials}
	scope := "openid profile email offline_access workspace:viewer workspace:member project:viewer introspect"
	r := &registry{clients: make(map[string]*registryv1.Client)}
	for _, c := range []client{c1, c2, p1} {
		r.clients[c.id] = &registryv1.Client{
			ClientId: c.id, TokenEndpointAuthMethod: c.method, RedirectUris: []string{callback},
			GrantTypes: all, Scope: scope, Version: 1, ScopeVersion: 2,
		}
	}
	return r
}

func (r *registry) AuthenticateClient(_ context.Context, req *registryv1.AuthenticateClientRequest) (*registryv1.AuthenticateClientResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.clients[req.GetClientId()]
	secrets := map[string]string{c1.id: c1.secret, c2.id: c2.secret, p1.id: ""}
	if !ok || req.GetMethod() != c.GetTokenEndpointAuthMethod() || req.GetClientSecret() != secrets[c.GetClientId()] {
		return nil, oauth.Refuse(oauth.InvalidClient, "client authentication failed")
	}
	return &registryv1.AuthenticateClientResponse{Client: c}, nil
}

func (r *registry) GetClient(_ context.Context, req *registryv1.GetClientRequest) (*registryv1.GetClientResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.clients[req.GetClientId()]; ok {
		return &registryv1.GetClientResponse{Client: c}, nil
	}
	return nil, fault.New(fault.NotFound, "there is no such client")
}

// change changes a client; with nil it is deleted.
func (r *registry) change(c client, change func(*registryv1.Client)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if change == nil {
		delete(r.clients, c.id)
		return
	}
	changed := proto.CloneOf(r.clients[c.id])
	change(changed)
	r.clients[c.id] = changed
}

const sub = "u1"

// ids that the doubles know.
var (
	grantID     = uuid.UUID{15: 1}
	sessionID   = uuid.UUID{15: 2}
	workspace1  = uuid.UUID{15: 11}
	workspace2  = uuid.UUID{15: 12}
	project1    = uuid.UUID{15: 21}
	membership1 = uuid.UUID{15: 31}
	membership2 = uuid.UUID{15: 32}
)

// consent is the double of the consent service. It has one grant.
type consent struct {
	consentv1.UnimplementedConsentServiceServer
	mu      sync.Mutex
	grant   *consentv1.Grant
	revoked []consentv1.RevokeGrantRequest_Reason
	used    []*consentv1.UseGrantRequest
	// fails is how UseGrant fails, cannotRevoke how RevokeGrant does.
	fails, cannotRevoke error
}

func newConsent() *consent {
	return &consent{grant: &consentv1.Grant{
		GrantId: grantID.String(), ClientId: c1.id, Sub: sub, Version: 1,
		Scope:      "openid profile offline_access workspace:viewer workspace:member project:viewer",
		Workspaces: []*consentv1.SharedWorkspace{{WorkspaceId: workspace1.String(), MembershipId: membership1.String()}},
		Projects:   []*consentv1.SharedProject{{ProjectId: project1.String(), WorkspaceId: workspace1.String(), MembershipId: membership1.String()}},
	}}
}

// UseGrant allows the grant's scope at each of its resources, or at one that has a
// scope of its own that one.
func (c *consent) UseGrant(_ context.Context, req *consentv1.UseGrantRequest) (*consentv1.UseGrantResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fails != nil {
		return nil, c.fails
	}
	if req.GetGrantId() != c.grant.GetGrantId() || len(c.revoked) > 0 {
		return nil, fault.New(fault.NotFound, "there is no such grant")
	}
	c.used = append(c.used, req)
	of := func(kinds ...preset.Kind) string {
		allowed := oauth.Scope(strings.Fields(c.grant.GetScope()))
		return oauth.Scope(strings.Fields(req.GetScope())).Intersect(allowed).Intersect(preset.Default().Scopes.Names(kinds...)).String()
	}
	resp := &consentv1.UseGrantResponse{
		ClientId: c.grant.GetClientId(), Sub: c.grant.GetSub(), Version: c.grant.GetVersion(), Scope: of(preset.Identity, preset.API),
	}
	for _, w := range c.grant.GetWorkspaces() {
		if scope := cmp.Or(w.GetScope(), of(preset.Workspace)); scope != "" {
			resp.Workspaces = append(resp.Workspaces, &consentv1.SharedWorkspace{WorkspaceId: w.GetWorkspaceId(), MembershipId: w.GetMembershipId(), Scope: scope})
		}
	}
	for _, p := range c.grant.GetProjects() {
		if scope := cmp.Or(p.GetScope(), of(preset.Project)); scope != "" {
			resp.Projects = append(resp.Projects, &consentv1.SharedProject{
				ProjectId: p.GetProjectId(), WorkspaceId: p.GetWorkspaceId(), MembershipId: p.GetMembershipId(), Scope: scope,
			})
		}
	}
	return resp, nil
}

func (c *consent) RevokeGrant(_ context.Context, req *consentv1.RevokeGrantRequest) (*consentv1.RevokeGrantResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cannotRevoke != nil {
		return nil, c.cannotRevoke
	}
	c.revoked = append(c.revoked, req.GetReason())
	return &consentv1.RevokeGrantResponse{}, nil
}

// epoch is the least version of the grant that is alive.
func (c *consent) epoch(id uuid.UUID) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id == grantID && len(c.revoked) > 0 {
		return c.grant.GetVersion() + 1
	}
	return 0
}

func (c *consent) reasons() []consentv1.RevokeGrantRequest_Reason {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.revoked
}

func (c *consent) change(change func(*consentv1.Grant)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := proto.CloneOf(c.grant)
	change(changed)
	c.grant = changed
}

// people is the double of the directory. It has one subject.
type people struct {
	directoryv1.UnimplementedDirectoryServiceServer
	mu   sync.Mutex
	resp *directoryv1.GetSubjectResponse // nil: deleted
}

func newPeople() *people {
	return &people{resp: &directoryv1.GetSubjectResponse{
		Subject: &directoryv1.Subject{Sub: sub, Version: 1},
		Memberships: []*directoryv1.Membership{
			{WorkspaceId: workspace1.String(), MembershipId: membership1.String(), Role: "admin", Version: 5},
		},
		Projects: []*directoryv1.Project{{ProjectId: project1.String(), WorkspaceId: workspace1.String(), Version: 6}},
	}}
}

func (p *people) GetSubject(_ context.Context, req *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.resp == nil || req.GetSub() != sub {
		return nil, fault.New(fault.NotFound, "there is no such subject")
	}
	return p.resp, nil
}

// change changes the subject; with nil it is deleted.
func (p *people) change(change func(*directoryv1.GetSubjectResponse)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if change == nil {
		p.resp = nil
		return
	}
	changed := proto.CloneOf(p.resp)
	change(changed)
	p.resp = changed
}

// flip changes one bit of a credential, and leaves its form alone.
func flip(text string) string {
	i := strings.IndexByte(text, '_') + 30
	changed := byte('A')
	if text[i] == 'A' {
		changed = 'B'
	}
	return text[:i] + string(changed) + text[i+1:]
}
