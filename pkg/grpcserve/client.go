package grpcserve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/pkg/rpcerr"
)

const (
	// callTimeout is the time of a call whose caller sets none.
	callTimeout = 5 * time.Second
	// shaved is what each hop keeps of a call's time, so that the answer that it
	// took too long still arrives in time.
	shaved = 20 * time.Millisecond
)

// Target is a service that calls go to.
type Target struct {
	// Address is a target of gRPC, such as dns:///token:9090, or a list of
	// addresses: static:///10.0.0.1:9090,10.0.0.2:9090.
	Address string
	// Role is what errors call it.
	Role string
	// TLS proves both sides to each other. Nil: plain text, and neither is.
	TLS *tls.Config
	// Now is the clock that the service compares with its own. Nil: it does not.
	Now func() time.Time
}

// Dial returns a connection to every replica of a service, used in turn while it
// says that it is serving and gives signs of life. It connects when it is first
// used.
//
// A call that fails because a replica is away or silent is repeated if the contract
// says that it may be, up to two times and within a budget. Every call has a deadline,
// 20 ms sooner than its caller's, and goes on in its caller's trace. Errors are
// refusals again: see rpcerr. The caller closes the connection. Fails for an
// address that is none.
func Dial(t Target, more ...grpc.DialOption) (*grpc.ClientConn, error) {
	if err := checkStatic(t.Address); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", t.Role, err)
	}
	creds := insecure.NewCredentials()
	if t.TLS != nil {
		creds = credentials.NewTLS(t.TLS)
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithResolvers(static{}),
		// Only this one counts: whoever answers for a name says nothing of repeats.
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"` + replicasPolicy + `":{}}]}`),
		grpc.WithDisableServiceConfig(),
		grpc.WithNoProxy(),
		grpc.WithIdleTimeout(0),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingTime, Timeout: pingTimeout, PermitWithoutStream: true}),
		// A replica that has said goodbye is back soon: its callers are to have it
		// before the next one leaves.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 250 * time.Millisecond},
			MinConnectTimeout: 3 * time.Second,
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxSendBytes), grpc.MaxCallSendMsgSize(maxReceiveBytes)),
		grpc.WithChainUnaryInterceptor(Client, shave, newRepeats().repeat, stamp(t.Now)),
	}
	conn, err := grpc.NewClient(t.Address, append(options, more...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", t.Role, err)
	}
	return conn, nil
}

// Client converts the errors of calls back to refusals. Every connection to a
// service of ours has it.
func Client(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error { //nolint:revive // the signature is grpc.UnaryClientInterceptor
	err := invoke(ctx, method, req, reply, cc, opts...)
	if errors.Is(err, io.EOF) {
		// grpc-go has lost the status of a last repeat that it could not send. Only
		// what is unavailable is repeated.
		err = status.Error(codes.Unavailable, err.Error())
	}
	return rpcerr.FromStatus(err)
}

// errNoTime says that a call could not be answered before its caller gives up.
var errNoTime = errors.New("no time is left for the call")

// shave sets the deadline of a call. One that could not be answered in time is
// not sent at all.
func shave(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error { //nolint:revive // the signature is grpc.UnaryClientInterceptor
	timeout := callTimeout
	if end, ok := ctx.Deadline(); ok {
		timeout = time.Until(end) - shaved
	}
	if timeout <= 0 {
		return status.Error(codes.DeadlineExceeded, errNoTime.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return invoke(ctx, method, req, reply, cc, opts...)
}

// stamp adds the trace of the call, and the time here.
func stamp(now func() time.Time) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		// What is found is a copy.
		md, ok := metadata.FromOutgoingContext(ctx)
		if !ok {
			md = metadata.MD{}
		}
		propagation.TraceContext{}.Inject(ctx, outgoing(md))
		if now != nil {
			md.Set(timeHeader, strconv.FormatInt(now().UnixMilli(), 10))
		}
		return invoke(metadata.NewOutgoingContext(ctx, md), method, req, reply, cc, opts...)
	}
}
