package resourceserver_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/resourceserver"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
	"github.com/chancery-auth/chancery/pkg/secret"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	apiID     = "api"
	apiSecret = "chcs_api"
	realm     = "https://api.test"
)

// chancery answers as a script says, and counts who asks. Without a script for a
// token, the token is not active.
type chancery struct {
	introspectionv1.UnimplementedIntrospectionServiceServer

	mu      sync.Mutex
	answers map[string][]step // by token; the last one stays
	asked   []string
}

// step is one answer.
type step struct {
	answer *introspectionv1.IntrospectResponse
	err    error
}

// Introspect implements IntrospectionService.
func (c *chancery) Introspect(ctx context.Context, req *introspectionv1.IntrospectRequest) (*introspectionv1.IntrospectResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if req.GetClientId() != apiID || req.GetClientSecret() != apiSecret {
		return nil, rpcerr.ToStatus(oauth.Refuse(oauth.InvalidClient, "client authentication failed")).Err()
	}
	if _, ok := ctx.Deadline(); !ok {
		return nil, rpcerr.ToStatus(oauth.Refuse(oauth.InvalidRequest, "no deadline")).Err()
	}
	c.asked = append(c.asked, req.GetToken())
	steps := c.answers[req.GetToken()]
	if len(steps) == 0 {
		return &introspectionv1.IntrospectResponse{}, nil
	}
	if len(steps) > 1 {
		c.answers[req.GetToken()] = steps[1:]
	}
	return steps[0].answer, steps[0].err
}

// script sets what is answered about a token, in this order.
func (c *chancery) script(token string, steps ...step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[token] = steps
}

// questions returns the tokens that were asked about.
func (c *chancery) questions() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.asked...)
}

// active is an answer about a good token with a scope.
func active(scope string) step {
	exp, iat, sub, client, iss, jti := int64(1893456000), int64(1893452400), "u1", "c1", "https://as.test", "t1"
	return step{answer: &introspectionv1.IntrospectResponse{
		Active: true, Scope: &scope, ClientId: &client, Sub: &sub, Iss: &iss, Jti: &jti, Exp: &exp, Iat: &iat,
		Aud: []string{"https://as.test"},
		Workspaces: []*introspectionv1.ResourceRole{
			{Id: "w1", Role: "admin"}, {Id: "w2", Role: "viewer"}, {Id: "w3", Role: "emperor"},
		},
		Projects: []*introspectionv1.ResourceRole{{Id: "p1", Role: "member"}},
	}}
}

// away is what Chancery says when it cannot be sure.
func away() step {
	return step{err: rpcerr.ToStatus(oauth.Refuse(oauth.TemporarilyUnavailable, "try again later")).Err()}
}

// serve starts a gRPC server in this process, and connects to it.
func serve(t testing.TB, register func(*grpc.Server), options ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(options...)
	register(server)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///chancery",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); server.Stop(); <-done })
	return conn
}

// newChancery starts a Chancery that knows the token "good" with the scope
// "image:read image:create".
func newChancery(t testing.TB) (*chancery, *grpc.ClientConn) {
	t.Helper()
	c := &chancery{answers: map[string][]step{"good": {active("image:read image:create")}}}
	return c, serve(t, func(s *grpc.Server) { introspectionv1.RegisterIntrospectionServiceServer(s, c) })
}

// newGuard returns a guard that asks over conn with the right secret.
func newGuard(conn grpc.ClientConnInterface, c resourceserver.Config) *resourceserver.Guard {
	c.Realm = realm
	if c.Now == nil {
		c.Now = func() time.Time { return time.Unix(1893452400, 0) }
	}
	return resourceserver.New(newIntrospector(conn), c)
}

func newIntrospector(conn grpc.ClientConnInterface) *resourceserver.Introspector {
	return resourceserver.NewIntrospector(conn, resourceserver.Credentials{ClientID: apiID, ClientSecret: secret.Wrap(apiSecret)})
}
