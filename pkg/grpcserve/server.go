package grpcserve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/chancery-auth/chancery/pkg/rpcerr"
)

// Limits of a server. grpc-go's own are 4 MiB, streams without number, and
// 16 MiB of headers.
const (
	maxReceiveBytes = 256 << 10
	maxSendBytes    = 1 << 20
	maxHeaderBytes  = 16 << 10
	maxStreams      = 256
	// workers run calls on stacks that have grown already.
	workers   = 64
	drainTime = 10 * time.Second
)

// Server serves registered services over gRPC.
type Server struct {
	*grpc.Server
	health *health.Server
}

// NewServer returns a server without services. It listens to nothing yet. creds
// is nil for plain text.
func NewServer(o Options, creds credentials.TransportCredentials) (*Server, error) {
	interceptor, err := chain(o)
	if err != nil {
		return nil, err
	}
	opts := []grpc.ServerOption{
		grpc.UnaryInterceptor(interceptor),
		grpc.StreamInterceptor(noStream),
		grpc.MaxRecvMsgSize(maxReceiveBytes),
		grpc.MaxSendMsgSize(maxSendBytes),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.NumStreamWorkers(workers),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	}
	if creds != nil {
		opts = append(opts, grpc.Creds(creds))
	}
	s := &Server{Server: grpc.NewServer(opts...), health: health.NewServer()}
	healthv1.RegisterHealthServer(s.Server, s.health)
	return s, nil
}

// noStream refuses streams, which the list of interceptors does not see. No
// contract has one.
func noStream(_ any, _ grpc.ServerStream, info *grpc.StreamServerInfo, _ grpc.StreamHandler) error {
	return unimplemented(info.FullMethod)
}

// Serve answers on lis until ctx is done. It then stops taking calls, lets those
// that run finish for ten seconds, and returns nil. It closes lis.
func (s *Server) Serve(ctx context.Context, lis net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.Server.Serve(lis) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve grpc: %w", err)
	case <-ctx.Done():
	}
	s.health.Shutdown()
	s.drain()
	if err := <-failed; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve grpc: %w", err)
	}
	return nil
}

func (s *Server) drain() {
	timer := time.AfterFunc(drainTime, s.Stop)
	defer timer.Stop()
	s.GracefulStop()
}

// Client converts the errors of calls back to refusals. Every connection to a
// service of ours has it.
func Client(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error { //nolint:revive // the signature is grpc.UnaryClientInterceptor
	return rpcerr.FromStatus(invoke(ctx, method, req, reply, cc, opts...))
}
