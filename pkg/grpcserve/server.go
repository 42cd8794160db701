package grpcserve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
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
	// it lives, and pingTimeout how long the answer may take. Both sides ask. The
	// clients of grpc-go do not ask more often.
	pingTime    = 10 * time.Second
	pingTimeout = 3 * time.Second
	// leastPingTime is how often a client may ask.
	leastPingTime = pingTime / 2
	drainTimeout  = 10 * time.Second
	// replicaHealth is the name under which our clients watch a server.
	replicaHealth = "chancery.replica"
	// saysStruggling is what they are told of one that struggles: no value that
	// others know.
	saysStruggling healthv1.HealthCheckResponse_ServingStatus = 100
	// beatTime is how often they are told, and silenceTime how long they wait: a
	// process that is stopped keeps its connections.
	beatTime    = 500 * time.Millisecond
	silenceTime = 3 * beatTime
	// leaveTimeout is how long a server that ends waits for clients who have no
	// other, and leavePeriod how often it looks.
	leaveTimeout = 3 * time.Second
	leavePeriod  = 10 * time.Millisecond
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
	guard  *guard
	drain  Drain
	// watching ends the streams of those who watch the health.
	watching context.Context //nolint:containedctx // it is the life of the server, and not of a call
	unwatch  context.CancelFunc
	// clients is how many watch it as a replica.
	clients atomic.Int64

	mu         sync.Mutex
	serving    bool
	struggling bool
	leaving    bool
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
	s.SetServing(true)
	s.watching, s.unwatch = context.WithCancel(context.Background())
	if creds == nil {
		creds = insecure.NewCredentials()
	}
	s.guard = newGuard(o, creds)
	opts := append(limits(), grpc.Creds(s.guard), grpc.UnaryInterceptor(interceptor), grpc.StreamInterceptor(s.onlyHealth))
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
		grpc.ConnectionTimeout(shakeTimeout),
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

// Serve answers on lis until ctx is done. It then says that it is not serving,
// goes on for the delay of its [Drain], and up to three seconds longer for clients
// of [Dial] who have no other replica yet. It stops taking calls, lets those that
// run finish for its timeout, and returns nil. It closes lis.
func (s *Server) Serve(ctx context.Context, lis net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.Server.Serve(s.guard.listen(lis)) }()
	defer s.unwatch()
	select {
	case err := <-failed:
		return served(err)
	case <-ctx.Done():
	}
	usable := s.leave()
	delay := time.NewTimer(s.drain.Delay)
	defer delay.Stop()
	select {
	case err := <-failed:
		return served(err)
	case <-delay.C:
	}
	if usable {
		s.waitForClients()
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
