package grpcserve_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// callerHeader says who calls over the network of these tests.
const callerHeader = "test-caller"

// transport is a way in which two services meet, with the script of the one that
// is called.
type transport struct {
	address string // over the network only
	conn    func(grpcserve.Caller) grpc.ClientConnInterface
	script  *script
	log     *safeBuffer
	spans   *tracetest.InMemoryExporter
}

// script is the service that is called: each of its methods does what a test says.
type script struct {
	tokenv1.UnimplementedTokenServiceServer
	directoryv1.UnimplementedDirectoryServiceServer
	exchange   func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error)
	getSubject func(context.Context, *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error)
}

func (s *script) Exchange(ctx context.Context, req *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
	return s.exchange(ctx, req)
}

func (s *script) GetSubject(ctx context.Context, req *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
	return s.getSubject(ctx, req)
}

func (s *script) register(r grpc.ServiceRegistrar) {
	tokenv1.RegisterTokenServiceServer(r, s)
	directoryv1.RegisterDirectoryServiceServer(r, s)
}

// onEach runs a test over the connection within the process and over gRPC.
func onEach(t *testing.T, rule func(*testing.T, *transport), change ...func(*grpcserve.Options)) {
	t.Helper()
	open := map[string]func(*testing.T, *transport, grpcserve.Options){"local": overLocal, "network": overNetwork}
	for name, start := range open {
		t.Run(name, func(t *testing.T) {
			tr := &transport{script: &script{}, log: &safeBuffer{}, spans: tracetest.NewInMemoryExporter()}
			tracer := sdktrace.NewTracerProvider(sdktrace.WithSyncer(tr.spans)).Tracer("")
			options := grpcserve.Options{
				Log: slog.New(slog.NewJSONHandler(tr.log, nil)), Tracer: tracer, Deadline: time.Minute, Identify: byHeader,
			}
			for _, c := range change {
				c(&options)
			}
			start(t, tr, options)
			rule(t, tr)
		})
	}
}

func byHeader(ctx context.Context) []grpcserve.Caller {
	if values := metadata.ValueFromIncomingContext(ctx, callerHeader); len(values) > 0 {
		return []grpcserve.Caller{grpcserve.Caller(values[0])}
	}
	return nil
}

func overLocal(t *testing.T, tr *transport, o grpcserve.Options) {
	t.Helper()
	local, err := grpcserve.NewLocal(o)
	if err != nil {
		t.Fatal(err)
	}
	tr.script.register(local)
	tr.conn = local.Conn
}

func overNetwork(t *testing.T, tr *transport, o grpcserve.Options) {
	t.Helper()
	server, err := grpcserve.NewServer(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr.script.register(server)
	tr.address, _ = serve(t, server)
	tr.conn = func(c grpcserve.Caller) grpc.ClientConnInterface { return dial(t, tr.address, c) }
}

// serve runs server until the test ends. What it returns stops it sooner, and
// waits.
func serve(t *testing.T, server *grpcserve.Server) (address string, stop func() error) {
	t.Helper()
	return serveAt(t, "127.0.0.1:0", server)
}

func serveAt(t *testing.T, at string, server *grpcserve.Server) (address string, stop func() error) {
	t.Helper()
	lis, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, lis) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-served
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Serve() = %v", err)
		}
	})
	return lis.Addr().String(), stop
}

func dial(t *testing.T, address string, c grpcserve.Caller) *grpc.ClientConn {
	t.Helper()
	identify := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		return invoke(metadata.AppendToOutgoingContext(ctx, callerHeader, string(c)), method, req, reply, cc, opts...)
	}
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainUnaryInterceptor(grpcserve.Client, identify))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// safeBuffer is a log that a server writes while a test reads.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
