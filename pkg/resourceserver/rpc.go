package resourceserver

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
)

// authorizationKey is where a token comes over gRPC, as "Bearer …".
const authorizationKey = "authorization"

// Methods says what each method of a gRPC server needs, by its full name, such as
// /billing.v1.BillingService/GetInvoice. A method that is not there is refused:
// one that was forgotten is not open.
type Methods map[string]Need

// Need is what a method needs. The zero value is a good token of whatever scope.
type Need struct {
	// Scope is every value that the token must have, somewhere: see [Guard.Require].
	Scope oauth.Scope
	// Public methods need no token, and have no [Access]: those of health.
	Public bool
}

// UnaryInterceptor returns an interceptor that lets a call pass with a token that
// is good for its method. Refuses with UNAUTHENTICATED, PERMISSION_DENIED,
// INVALID_ARGUMENT (two tokens) and UNAVAILABLE.
func (g *Guard) UnaryInterceptor(methods Methods) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		need := methods[info.FullMethod]
		if need.Public {
			return next(ctx, req)
		}
		_, access, err := g.admitCall(ctx, methods, info.FullMethod)
		if err != nil {
			return nil, rpcerr.ToStatus(err).Err()
		}
		return next(WithAccess(ctx, access), req)
	}
}

// StreamInterceptor is [Guard.UnaryInterceptor] for streams. The token is checked
// before the handler runs, and again before each message that comes or goes when
// the check is older than [Config.Recheck]: a stream does not outlive its token by
// more, silence aside. [Access] stays that of the beginning.
func (g *Guard) StreamInterceptor(methods Methods) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		need := methods[info.FullMethod]
		if need.Public {
			return next(srv, stream)
		}
		checkTime := g.config.Now()
		token, access, err := g.admitCall(stream.Context(), methods, info.FullMethod)
		if err != nil {
			return rpcerr.ToStatus(err).Err()
		}
		return next(srv, &guardedStream{
			ServerStream: stream, guard: g, token: token, scope: need.Scope,
			ctx: WithAccess(stream.Context(), access), checkTime: checkTime,
		})
	}
}

// admitCall checks the token of a call, and returns it.
func (g *Guard) admitCall(ctx context.Context, methods Methods, method string) (token string, access *Access, err error) {
	need, listed := methods[method]
	if !listed {
		return "", nil, oauth.Refuse(oauth.InsufficientScope, "method is not open to access tokens")
	}
	if token, err = bearerToken(metadata.ValueFromIncomingContext(ctx, authorizationKey)); err != nil {
		return "", nil, err
	}
	if token == "" {
		return "", nil, oauth.Refuse(oauth.InvalidToken, "access token is required")
	}
	access, err = g.admit(ctx, token, need.Scope)
	return token, access, err
}

// guardedStream is a stream whose token was good at checkTime.
type guardedStream struct {
	grpc.ServerStream

	guard *Guard
	token string
	scope oauth.Scope
	ctx   context.Context // of the stream, with its access

	mu        sync.Mutex
	checkTime time.Time // before the check, so that it is not thought younger
}

// Context implements grpc.ServerStream.
func (s *guardedStream) Context() context.Context { return s.ctx }

// RecvMsg implements grpc.ServerStream. A message that comes once the token has
// ended does not reach the handler.
func (s *guardedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return s.recheck()
}

// SendMsg implements grpc.ServerStream.
func (s *guardedStream) SendMsg(m any) error {
	if err := s.recheck(); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(m)
}

// recheck asks again when it was too long ago.
func (s *guardedStream) recheck() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.guard.config.Now()
	if now.Sub(s.checkTime) < s.guard.config.Recheck {
		return nil
	}
	if _, err := s.guard.admit(s.ctx, s.token, s.scope); err != nil {
		return rpcerr.ToStatus(err).Err()
	}
	s.checkTime = now
	return nil
}
