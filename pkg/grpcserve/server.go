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
)

// Limits of a server. grpc-go's own are 4 MiB, streams without number, and
// 16 MiB of headers.
const (
	maxReceiveBytes = 256 << 10
	maxSendBytes    = 1 << 20
	maxHeaderBytes  = 16 << 10
	maxStreams      = 256
	// workers run calls on stacks that have grown already.
	workers = 64
	// maxAge is how long a connection lasts. Its client then finds replicas that
	// are new, and has to show its certificate again.
	maxAge      = 5 * time.Minute
	maxAgeGrace = 30 * time.Second
	// pingTime is how long a connection may be silent before it is asked whether
	// it lives, and pingTimeout how long the answer may take. Both sides ask.
	pingTime    = 20 * time.Second
	pingTimeout = 5 * time.Second
	// leastPingTime is how often a client may ask.
	leastPingTime = pingTime / 2
	drainTimeout  = 10 * time.Second
)

// Drain is how a server ends.
type Drain struct {
	// Delay is how long it goes on answering after it has said that it is not
	// serving any more, so that its clients can turn to others.
	Delay time.Duration
	// Timeout bounds how long calls that run then may take to finish. Zero: ten
	// seconds.
	Timeout time.Duration
}

// Server serves registered services over gRPC.
type Server struct {
	*grpc.Server
	health *health.Server
	drain  Drain
	// watching ends the streams of those who watch the health.
	watching context.Context //nolint:containedctx // it is the life of the server, and not of a call
	unwatch  context.CancelFunc
}

// NewServer returns a server without services. It listens to nothing yet. creds
// is nil for plain text.
func NewServer(o Options, creds credentials.TransportCredentials) (*Server, error) {
	interceptor, err := chain(o)
	if err != nil {
		return nil, err
	}
	if o.Drain.Timeout <= 0 {
		o.Drain.Timeout = drainTimeout
	}
	s := &Server{health: health.NewServer(), drain: o.Drain}
	s.watching, s.unwatch = context.WithCancel(context.Background())
	opts := append(limits(), grpc.UnaryInterceptor(interceptor), grpc.StreamInterceptor(s.onlyHealth))
	if creds != nil {
		opts = append(opts, grpc.Creds(creds))
	}
	s.Server = grpc.NewServer(opts...)
	healthv1.RegisterHealthServer(s.Server, s.health)
	return s, nil
}

// limits are what a connection may ask of a server.
func limits() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxReceiveBytes),
		grpc.MaxSendMsgSize(maxSendBytes),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.NumStreamWorkers(workers),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: leastPingTime, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge: maxAge, MaxConnectionAgeGrace: maxAgeGrace, Time: pingTime, Timeout: pingTimeout,
		}),
	}
}

// onlyHealth refuses streams, which the list of interceptors does not see. No
// contract has one. Health may be watched by anyone who has a connection.
func (s *Server) onlyHealth(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if info.FullMethod != healthv1.Health_Watch_FullMethodName {
		return unimplemented(info.FullMethod)
	}
	return s.endWatch(service, stream, info, handler)
}

// endWatch ends a stream when the server ends, which would wait for it.
func (s *Server) endWatch(service any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	defer context.AfterFunc(s.watching, cancel)()
	return handler(service, watch{stream, ctx})
}

// watch is a stream that ends with the server.
type watch struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // grpc.ServerStream has it there
}

// Context implements grpc.ServerStream.
func (w watch) Context() context.Context { return w.ctx }

// SetServing says whether calls should come here. A new server is serving; one
// that ends is not, whatever is set.
func (s *Server) SetServing(serving bool) { //nolint:revive // it is the state and not a choice of code
	status := healthv1.HealthCheckResponse_NOT_SERVING
	if serving {
		status = healthv1.HealthCheckResponse_SERVING
	}
	s.health.SetServingStatus("", status)
}

// Serve answers on lis until ctx is done. It then says that it is not serving,
// goes on for the delay of its [Drain], stops taking calls, lets those that run
// finish for its timeout, and returns nil. It closes lis.
func (s *Server) Serve(ctx context.Context, lis net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.Server.Serve(lis) }()
	defer s.unwatch()
	select {
	case err := <-failed:
		return served(err)
	case <-ctx.Done():
	}
	s.health.Shutdown()
	delay := time.NewTimer(s.drain.Delay)
	defer delay.Stop()
	select {
	case err := <-failed:
		return served(err)
	case <-delay.C:
	}
	s.finish()
	return served(<-failed)
}

// served is what grpc.Server.Serve returned, without the case that somebody
// stopped the server.
func served(err error) error {
	if err == nil || errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return fmt.Errorf("serve grpc: %w", err)
}

// finish lets the calls that run finish.
func (s *Server) finish() {
	timer := time.AfterFunc(s.drain.Timeout, s.Stop)
	defer timer.Stop()
	s.unwatch()
	s.GracefulStop()
}
