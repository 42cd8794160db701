package introspection_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/seal"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/introspection"
)

const (
	issuer = "https://as.test"
	rs1    = "https://rs1.test"
	rs2    = "https://rs2.test"
)

var (
	start = time.Unix(1_800_000_000, 0)

	workspace1, workspace2 = uuid.MustParse("11111111-1111-4111-8111-111111111111"), uuid.MustParse("22222222-2222-4222-8222-222222222222")
	project1               = uuid.MustParse("33333333-3333-4333-8333-333333333333")
	grantID                = uuid.MustParse("44444444-4444-4444-8444-444444444444")
	familyID               = uuid.MustParse("55555555-5555-4555-8555-555555555555")
	sessionID              = uuid.MustParse("66666666-6666-4666-8666-666666666666")
	apiSecretID            = uuid.MustParse("77777777-7777-4777-8777-777777777777")
)

// env is the service among scripted peers, on a real replica.
type env struct {
	service   *introspection.Service
	client    introspectionv1.IntrospectionServiceClient // as the gateway
	operator  introspectionv1.IntrospectionServiceClient
	tokens    *tokenPeer
	registry  *registryPeer
	directory *directoryPeer
	state     *coherent.State
	key       seal.Key
	sealer    *credential.Sealer

	source  *source
	elapsed atomic.Int64 // of the clock of the lease, in nanoseconds
	seconds atomic.Int64 // of the wall clock, since start

	certificate []string // the names in that of whoever calls
}

func (e *env) now() time.Time { return start.Add(time.Duration(e.seconds.Load()) * time.Second) }

func (e *env) sinceStart() time.Duration { return time.Duration(e.seconds.Load()) * time.Second }

// source is a database that has the restrictions of news, or that is away.
type source struct {
	away atomic.Bool
	news atomic.Pointer[coherent.Restriction] // nil: none
}

func (s *source) Begin(context.Context) (coherent.Batch, int64, error) {
	b, err := s.Poll(context.Background(), "")
	b.Entries = nil // which the first poll brings
	return b, 0, err
}

func (*source) Page(context.Context, int64, int64, int) (coherent.Page, error) {
	return coherent.Page{}, errors.New("there are no pages")
}

func (s *source) Poll(context.Context, coherent.Cursor) (coherent.Batch, error) {
	if s.away.Load() {
		return coherent.Batch{}, errors.New("database is away")
	}
	batch := coherent.Batch{Cursor: "1", Identity: "db", DatabaseTime: start}
	if r := s.news.Load(); r != nil {
		batch.Entries = []coherent.Entry{{Restriction: *r, KeepUntil: start.Add(time.Hour)}}
	}
	return batch, nil
}

func (*source) Reconcile(context.Context, []coherent.Entry) (int, error) { return 0, nil }

func newEnv(t testing.TB, changes ...func(*introspection.Config)) *env {
	t.Helper()
	return newEnvPolled(t, coherent.Options{}, changes...)
}

func newEnvPolled(t testing.TB, o coherent.Options, changes ...func(*introspection.Config)) *env {
	t.Helper()
	src := &source{}
	e := newEnvOn(t, src, o, changes...)
	e.source = src
	return e
}

// newEnvOn returns an env whose restrictions come from src. Its lease goes by a
// clock that stands still.
func newEnvOn(t testing.TB, src coherent.Source, o coherent.Options, changes ...func(*introspection.Config)) *env {
	t.Helper()
	e := &env{key: seal.NewKey(), state: coherent.NewState(0)}
	cfg := introspection.Config{
		Issuer: issuer, Prefixes: preset.Default().Prefixes, Scopes: preset.Default().Scopes,
		Callers: []introspection.PlatformCaller{{Name: "billing", Audience: []string{rs1}}, {Name: "ledger"}, {Name: "gateway"}},
	}
	for _, change := range changes {
		change(&cfg)
	}
	e.tokens = &tokenPeer{sets: map[string][]byte{}}
	e.rotate(t, e.key)
	e.registry = &registryPeer{clients: clients()}
	e.directory = &directoryPeer{
		subjects: map[string]*directoryv1.Subject{"u1": subject(t)},
		slugs:    map[string]string{workspace1.String(): "acme", workspace2.String(): "other"},
	}

	local, err := grpcserve.NewLocal(grpcserve.Options{
		Log: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer(""),
	})
	if err != nil {
		t.Fatal(err)
	}
	conn := local.Conn("introspection")
	clock := func() time.Duration { return time.Duration(e.elapsed.Load()) }
	o.Clock, o.Wall = clock, clock
	replica := coherent.New(src, e.state, o)
	e.service = introspection.New(cfg, introspection.Deps{
		Replica:   replica,
		Token:     tokenv1.NewTokenServiceClient(conn),
		Registry:  registryv1.NewRegistryServiceClient(conn),
		Directory: directoryv1.NewDirectoryServiceClient(conn),
		Now:       e.now,
		Clocks:    coherent.Clocks{Boot: e.sinceStart, Wall: e.sinceStart},
		PeerNames: func(context.Context) []string { return e.certificate },
	})
	tokenv1.RegisterTokenServiceServer(local, e.tokens)
	registryv1.RegisterRegistryServiceServer(local, e.registry)
	directoryv1.RegisterDirectoryServiceServer(local, e.directory)
	e.service.Register(local)
	e.client = introspectionv1.NewIntrospectionServiceClient(local.Conn("gateway"))
	e.operator = introspectionv1.NewIntrospectionServiceClient(local.Conn(grpcserve.Admin))

	run(t, replica)
	if err := e.service.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e
}

// run keeps the replica current until the test ends, and returns when it is.
func run(t testing.TB, replica *coherent.Replica) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- replica.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for replica.Check(ctx, func(*coherent.State) bool { return true }) != nil {
		if ctx.Err() != nil {
			t.Fatal(ctx.Err())
		}
	}
}

// rotate makes primary the key that seals, and keeps the others.
func (e *env) rotate(t testing.TB, primary seal.Key, others ...seal.Key) {
	t.Helper()
	all := append(others, primary)
	resp := &tokenv1.GetKeySetResponse{PrimaryKeyId: primary.ID}
	for _, k := range all {
		resp.Keys = append(resp.Keys, &tokenv1.GetKeySetResponse_SealingKey{KeyId: k.ID, Root: k.Root[:]})
	}
	e.tokens.keys = resp
	e.sealer = sealerOf(t, issuer, primary)
}

func sealerOf(t testing.TB, issuer string, key seal.Key) *credential.Sealer {
	t.Helper()
	ring, err := seal.NewRing(issuer, key.ID, key)
	if err != nil {
		t.Fatal(err)
	}
	return credential.NewSealer(ring, preset.Default().Prefixes)
}

func clients() map[string]registered {
	api := func(id string, audience ...string) registered {
		return registered{
			client: &registryv1.Client{
				ClientId: id, TokenEndpointAuthMethod: oauth.AuthClientSecretPost, Scope: "introspect",
				Audience: audience, Version: 3, ScopeVersion: 3,
			},
			presents: "secret of " + id, secretID: uuid.NewString(),
		}
	}
	all := map[string]registered{"api": api("api"), "rs1": api("rs1", rs1), "rs2": api("rs2", rs2), "c2": api("c2"), "c1": api("c1")}
	known := all["api"]
	known.secretID = apiSecretID.String()
	all["api"] = known
	all["c1"].client.Scope = "openid email workspace:member" // asks about its own tokens only
	all["c2"].client.Scope = "openid"
	all["p1"] = registered{client: &registryv1.Client{ClientId: "p1", TokenEndpointAuthMethod: oauth.AuthNone, Scope: "introspect"}}
	all["j1"] = registered{
		client:   &registryv1.Client{ClientId: "j1", TokenEndpointAuthMethod: oauth.AuthPrivateKeyJWT, Scope: "introspect"},
		presents: "assertion of j1",
	}
	all["basic"] = api("basic")
	all["basic"].client.TokenEndpointAuthMethod = oauth.AuthClientSecretBasic
	return all
}

func subject(t testing.TB) *directoryv1.Subject {
	t.Helper()
	claims, err := structpb.NewStruct(map[string]any{
		"name": "User One", "email": "u1@x.test", "email_verified": true, "phone_number": "+47",
		"address": map[string]any{"country": "NO"}, "sub": "somebody else", "internal_id": 7,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &directoryv1.Subject{Sub: "u1", Version: 3, Claims: claims}
}

// userToken is a token of client c1 that user u1 allowed, an hour long.
func userToken() credential.AccessToken {
	return credential.AccessToken{
		ClientID: "c1", ClientVersion: 3, ClientScopeVersion: 3,
		Sub: "u1", SubjectVersion: 3, GrantID: grantID, GrantVersion: 3, FamilyID: familyID, SessionID: sessionID,
		Scope:     oauth.Scope{"openid", "email", "workspace:member", "project:viewer"},
		IssueTime: start.Add(-time.Minute), ExpireTime: start.Add(59 * time.Minute),
		Resources: credential.Resources{
			Workspaces: []credential.Workspace{
				{ID: workspace1, Role: role.Member, MembershipVersion: 3},
				{ID: workspace2, Role: role.Viewer, MembershipVersion: 3},
			},
			Projects: []credential.Project{{ID: project1, WorkspaceID: workspace1, Role: role.Viewer, MembershipVersion: 3, ProjectVersion: 3}},
		},
	}
}

// clientToken is a token of client c1 itself.
func clientToken() credential.AccessToken {
	return credential.AccessToken{
		ClientID: "c1", ClientVersion: 3, ClientScopeVersion: 3, Scope: oauth.Scope{"openid"},
		IssueTime: start.Add(-time.Minute), ExpireTime: start.Add(59 * time.Minute),
	}
}

// mint seals a token, changed as told.
func (e *env) mint(t testing.TB, token credential.AccessToken, changes ...func(*credential.AccessToken)) string {
	t.Helper()
	for _, change := range changes {
		change(&token)
	}
	text, err := e.sealer.SealAccessToken(token)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func audience(values ...string) func(*credential.AccessToken) {
	return func(a *credential.AccessToken) { a.Audience = values }
}

func scope(values ...string) func(*credential.AccessToken) {
	return func(a *credential.AccessToken) { a.Scope = values }
}

// restrict makes restrictions known to the replica at once, as a hint does.
func (e *env) restrict(t testing.TB, rs ...coherent.Restriction) {
	t.Helper()
	if !e.state.Join(start.Add(time.Hour), rs...) {
		t.Fatal("a restriction could not be joined")
	}
}

// loseLease takes the database away, and lets the lease lapse.
func (e *env) loseLease() {
	e.source.away.Store(true)
	e.elapsed.Add(int64(time.Minute))
}

// askAs is an introspection request of a client that posts its secret.
func askAs(client, token string) *introspectionv1.IntrospectRequest {
	return &introspectionv1.IntrospectRequest{Token: token, ClientId: client, ClientSecret: "secret of " + client}
}

// introspect is how the client reads the token; it fails the test on an error.
func (e *env) introspect(t testing.TB, client, token string) *introspectionv1.IntrospectResponse {
	t.Helper()
	resp, err := e.client.Introspect(t.Context(), askAs(client, token))
	if err != nil {
		t.Fatalf("Introspect() = %v", err)
	}
	return resp
}

// peerCalls is how often anybody outside was asked.
func (e *env) peerCalls() int64 {
	return e.tokens.calls.Load() + e.registry.calls.Load() + e.directory.calls.Load()
}
