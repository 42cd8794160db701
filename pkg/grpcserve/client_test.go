package grpcserve_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// away is a server that answers every call with an error, and counts them.
func away(t *testing.T, code codes.Code) (address string, calls *atomic.Int64) {
	t.Helper()
	calls = &atomic.Int64{}
	raw := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		calls.Add(1)
		if err := stream.RecvMsg(&directoryv1.GetSubjectRequest{}); err != nil {
			return err
		}
		return status.Error(code, "no")
	}))
	healthv1.RegisterHealthServer(raw, health.NewServer())
	lis, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = raw.Serve(lis) }()
	t.Cleanup(raw.Stop)
	return lis.Addr().String(), calls
}

func TestOnlyMethodsThatMayBeRepeatedAreRepeated(t *testing.T) {
	for code, repeats := range map[codes.Code]int64{codes.Unavailable: 3, codes.Internal: 1, codes.ResourceExhausted: 1} {
		address, calls := away(t, code)
		for _, m := range methods(t) {
			options, _ := m.Options().(*descriptorpb.MethodOptions)
			want := int64(1)
			if options.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN {
				want = repeats
			}
			calls.Store(0)
			// A connection each: the budget is the connection's.
			if err := call(t, connect(t, target(address), ""), m); err == nil || calls.Load() != want {
				t.Errorf("%s is sent %d times when it fails with %v (%v), want %d", m.FullName(), calls.Load(), code, err, want)
			}
		}
	}
}

func TestRepeatsHaveABudget(t *testing.T) {
	address, calls := away(t, codes.Unavailable)
	client := directoryv1.NewDirectoryServiceClient(connect(t, target(address), ""))
	const made = 60
	for range made {
		if _, err := client.GetSubject(t.Context(), &directoryv1.GetSubjectRequest{}); !errors.Is(err, oauth.TemporarilyUnavailable) {
			t.Fatal(err)
		}
	}
	if extra := calls.Load() - made; extra < 1 || extra > made/10 {
		t.Errorf("%d calls are sent for %d: want some repeats, and at most a tenth", calls.Load(), made)
	}
}

// A last repeat that cannot be sent leaves grpc-go without a status.
func TestLostStatusIsUnavailable(t *testing.T) {
	for lost, want := range map[error]error{
		io.EOF: oauth.TemporarilyUnavailable, io.ErrUnexpectedEOF: oauth.ServerError, nil: nil,
	} {
		err := grpcserve.Client(t.Context(), "", nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
			if lost == nil {
				return nil
			}
			return fmt.Errorf("max retries exhausted: failed after 3 attempts: %w", lost)
		})
		if !errors.Is(err, want) {
			t.Errorf("Client() = %v, want %v", err, want)
		}
	}
}

func TestRepeatThatSucceedsIsNoError(t *testing.T) {
	tr := &transport{script: &script{}, log: &safeBuffer{}}
	overNetwork(t, tr, quiet())
	sent := 0
	tr.script.getSubject = func(context.Context, *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
		if sent++; sent < 3 {
			return nil, oauth.Refuse(oauth.TemporarilyUnavailable, "later")
		}
		return &directoryv1.GetSubjectResponse{}, nil
	}
	client := directoryv1.NewDirectoryServiceClient(connect(t, target(tr.address), "token"))
	if _, err := client.GetSubject(t.Context(), &directoryv1.GetSubjectRequest{}); err != nil || sent != 3 {
		t.Errorf("%v after %d calls, want success with the third", err, sent)
	}
}

func TestN265_DeadlinesAreShaved(t *testing.T) {
	tr := &transport{script: &script{}, log: &safeBuffer{}}
	options := quiet()
	options.Deadline = time.Hour
	overNetwork(t, tr, options)
	var left time.Duration
	ran := false
	tr.script.exchange = func(ctx context.Context, _ *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		end, _ := ctx.Deadline()
		ran, left = true, time.Until(end)
		return &tokenv1.ExchangeResponse{}, nil
	}
	client := tokenv1.NewTokenServiceClient(connect(t, target(tr.address), "gateway"))
	tests := map[string]struct{ caller, least, most time.Duration }{
		"none":    {0, 4 * time.Second, 5 * time.Second},
		"later":   {time.Minute, 50 * time.Second, time.Minute - 20*time.Millisecond},
		"24 h":    {24 * time.Hour, 59 * time.Minute, time.Hour},
		"20 ms":   {20 * time.Millisecond, 0, 0},
		"is over": {time.Nanosecond, 0, 0},
	}
	for name, tt := range tests {
		ran = false
		ctx, cancel := t.Context(), context.CancelFunc(func() {})
		if tt.caller > 0 {
			ctx, cancel = context.WithTimeout(ctx, tt.caller)
		}
		_, err := client.Exchange(ctx, &tokenv1.ExchangeRequest{})
		cancel()
		switch {
		case tt.most == 0 && (ran || !errors.Is(err, oauth.TemporarilyUnavailable)):
			t.Errorf("%s: ran is %v, error = %v, want it to fail at once", name, ran, err)
		case tt.most > 0 && (err != nil || left < tt.least || left > tt.most):
			t.Errorf("%s: %v are left (%v), want %v to %v", name, left, err, tt.least, tt.most)
		}
	}
}

func TestN265_WorkThatCannotEndInTimeIsNotStarted(t *testing.T) {
	for caller, want := range map[time.Duration]bool{4 * time.Millisecond: false, time.Minute: true} {
		onEach(t, func(t *testing.T, tr *transport) {
			ran := false
			tr.script.exchange = func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
				ran = true
				return &tokenv1.ExchangeResponse{}, nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), caller)
			defer cancel()
			_, err := tr.tokens().Exchange(ctx, &tokenv1.ExchangeRequest{})
			if ran != want || (err == nil) != want || err != nil && !errors.Is(err, oauth.TemporarilyUnavailable) {
				t.Errorf("with %v left: ran is %v, error = %v", caller, ran, err)
			}
		})
	}
}

func TestN266_ClocksThatDifferAreRefused(t *testing.T) {
	tr := &transport{script: &script{}, log: &safeBuffer{}}
	options := quiet()
	options.Now = noon
	overNetwork(t, tr, options)
	tr.script.exchange = func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		return &tokenv1.ExchangeResponse{}, nil
	}
	for ahead, want := range map[time.Duration]bool{
		0: true, 10 * time.Minute: true, -10 * time.Minute: true,
		10*time.Minute + time.Second: false, -10*time.Minute - time.Second: false,
		290 * 365 * 24 * time.Hour: false, -290 * 365 * 24 * time.Hour: false,
	} {
		to := target(tr.address)
		to.Now = func() time.Time { return noon().Add(ahead) }
		_, err := tokenv1.NewTokenServiceClient(connect(t, to, "gateway")).Exchange(t.Context(), &tokenv1.ExchangeRequest{})
		if (err == nil) != want {
			t.Errorf("a clock %v ahead: %v, want it to be served: %v", ahead, err, want)
		}
		if err != nil && (!strings.Contains(err.Error(), "2026-06-01T12:00:00Z") || !strings.Contains(err.Error(), to.Now().Format(time.RFC3339)) ||
			status.Code(errorCause(err)) != codes.FailedPrecondition || !errors.Is(err, oauth.ServerError)) {
			t.Errorf("a clock %v ahead: %v, want both times", ahead, err)
		}
	}
	for header, want := range map[string]bool{"": true, "noon": false} {
		ctx := t.Context()
		if header != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "x-chancery-time", header)
		}
		if _, err := tokenv1.NewTokenServiceClient(dial(t, tr.address, "gateway")).Exchange(ctx, &tokenv1.ExchangeRequest{}); (err == nil) != want {
			t.Errorf("time %q: %v, want it to be served: %v", header, err, want)
		}
	}
}

// The server's span is in the client's trace, and what the caller set goes along.
func TestCallGoesOnInItsTrace(t *testing.T) {
	tr := &transport{script: &script{}, log: &safeBuffer{}, spans: tracetest.NewInMemoryExporter()}
	options := quiet()
	options.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSyncer(tr.spans)).Tracer("")
	overNetwork(t, tr, options)
	var md metadata.MD
	tr.script.exchange = func(ctx context.Context, _ *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		md, _ = metadata.FromIncomingContext(ctx)
		return &tokenv1.ExchangeResponse{}, nil
	}
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	ctx := trace.ContextWithSpanContext(metadata.AppendToOutgoingContext(t.Context(), "x-one", "1"), parent)
	client := tokenv1.NewTokenServiceClient(connect(t, target(tr.address), "gateway"))
	if _, err := client.Exchange(ctx, &tokenv1.ExchangeRequest{}); err != nil {
		t.Fatal(err)
	}
	spans := tr.spans.GetSpans()
	if len(spans) != 1 || spans[0].Parent.TraceID() != parent.TraceID() || spans[0].Parent.SpanID() != parent.SpanID() {
		t.Errorf("spans = %+v, want one below %v", spans, parent)
	}
	if strings.Join(md.Get("x-one"), ",") != "1" {
		t.Errorf("metadata = %v, want what the caller set", md)
	}
}

func TestDialRefusesAddressesThatAreNone(t *testing.T) {
	for address, want := range map[string]bool{
		"static:///a:1": true, "static:///a:1,[::1]:2": true, "dns:///token:9090": true, "127.0.0.1:1": true,
		"static:///": false, "static:///a": false, "static:///a:1,": false, "static:///:1": false, "static:a:1": false, "static://a:1": false,
	} {
		conn, err := grpcserve.Dial(grpcserve.Target{Address: address, Role: "token"})
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "token") {
			t.Errorf("Dial(%q) = %v, want success: %v, or an error that names the role", address, err, want)
		}
		if conn != nil {
			conn.Close()
		}
	}
}

func TestRouteGoesByArea(t *testing.T) {
	tokens, directory := &transport{script: &script{}, log: &safeBuffer{}}, &transport{script: &script{}, log: &safeBuffer{}}
	overNetwork(t, tokens, quiet())
	overLocal(t, directory, quiet())
	tokens.script.exchange = func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		return &tokenv1.ExchangeResponse{AccessToken: "of token"}, nil
	}
	directory.script.getSubject = func(context.Context, *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
		return &directoryv1.GetSubjectResponse{}, nil
	}
	conn := grpcserve.Route(map[string]grpc.ClientConnInterface{"token": tokens.conn("gateway"), "directory": directory.conn("token")})
	if resp, err := tokenv1.NewTokenServiceClient(conn).Exchange(t.Context(), &tokenv1.ExchangeRequest{}); err != nil || resp.GetAccessToken() != "of token" {
		t.Errorf("Exchange() = %v, %v", resp, err)
	}
	if _, err := directoryv1.NewDirectoryServiceClient(conn).GetSubject(t.Context(), &directoryv1.GetSubjectRequest{}); err != nil {
		t.Errorf("GetSubject() = %v", err)
	}
	for _, method := range []string{"/chancery.consent.v1.ConsentService/GetGrant", "/other.token.v1.TokenService/Exchange", "", "token"} {
		if err := conn.Invoke(t.Context(), method, &tokenv1.ExchangeRequest{}, &tokenv1.ExchangeResponse{}); !errors.Is(err, oauth.ServerError) {
			t.Errorf("Invoke(%q) = %v, want server_error", method, err)
		}
		if _, err := conn.NewStream(t.Context(), &grpc.StreamDesc{}, method); !errors.Is(err, oauth.ServerError) {
			t.Errorf("NewStream(%q) = %v, want server_error", method, err)
		}
	}
}
