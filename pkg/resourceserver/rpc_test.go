package resourceserver_test

import (
	"context"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/resourceserver"
)

// api is a gRPC server of the platform. Its answers carry who called.
type api struct {
	grpc_testing.UnimplementedTestServiceServer

	// between happens between two messages of a stream in one direction.
	between func()
}

func (api) EmptyCall(ctx context.Context, _ *grpc_testing.Empty) (*grpc_testing.Empty, error) {
	_, has := resourceserver.AccessFrom(ctx)
	if has {
		return nil, status.Error(codes.Internal, "a public method has an access")
	}
	return &grpc_testing.Empty{}, nil
}

func (api) UnaryCall(ctx context.Context, _ *grpc_testing.SimpleRequest) (*grpc_testing.SimpleResponse, error) {
	access, _ := resourceserver.AccessFrom(ctx)
	return &grpc_testing.SimpleResponse{Username: access.Sub}, nil
}

func (api) FullDuplexCall(stream grpc.BidiStreamingServer[grpc_testing.StreamingOutputCallRequest, grpc_testing.StreamingOutputCallResponse]) error {
	access, _ := resourceserver.AccessFrom(stream.Context())
	for {
		if _, err := stream.Recv(); err != nil {
			if err == io.EOF { //nolint:errorlint // gRPC returns it as it is.
				return nil
			}
			return err
		}
		payload := &grpc_testing.Payload{Body: []byte(access.Sub)}
		if err := stream.Send(&grpc_testing.StreamingOutputCallResponse{Payload: payload}); err != nil {
			return err
		}
	}
}

func (a api) StreamingOutputCall(_ *grpc_testing.StreamingOutputCallRequest, stream grpc.ServerStreamingServer[grpc_testing.StreamingOutputCallResponse]) error {
	if err := stream.Send(&grpc_testing.StreamingOutputCallResponse{}); err != nil {
		return status.Error(codes.Internal, "the first message is not sent")
	}
	a.between()
	return stream.Send(&grpc_testing.StreamingOutputCallResponse{})
}

func (a api) StreamingInputCall(stream grpc.ClientStreamingServer[grpc_testing.StreamingInputCallRequest, grpc_testing.StreamingInputCallResponse]) error {
	if _, err := stream.Recv(); err != nil {
		return status.Error(codes.Internal, "the first message does not arrive")
	}
	a.between()
	if _, err := stream.Recv(); err != nil {
		return err
	}
	return status.Error(codes.Aborted, "the second message arrived")
}

const testService = "/grpc.testing.TestService/"

func methods() resourceserver.Methods {
	return resourceserver.Methods{
		testService + "EmptyCall":           {Public: true},
		testService + "UnaryCall":           {Scope: oauth.Scope{"image:read"}},
		testService + "FullDuplexCall":      {Scope: oauth.Scope{"image:read"}},
		testService + "StreamingInputCall":  {Scope: oauth.Scope{"image:read"}},
		testService + "StreamingOutputCall": {},
	}
}

// newAPI starts the API behind g.
func newAPI(t *testing.T, g *resourceserver.Guard, a api) grpc_testing.TestServiceClient {
	t.Helper()
	conn := serve(t, func(s *grpc.Server) { grpc_testing.RegisterTestServiceServer(s, a) },
		grpc.UnaryInterceptor(g.UnaryInterceptor(methods())), grpc.StreamInterceptor(g.StreamInterceptor(methods())))
	return grpc_testing.NewTestServiceClient(conn)
}

// with puts authorization headers into the metadata.
func with(ctx context.Context, headers ...string) context.Context {
	for _, h := range headers {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", h)
	}
	return ctx
}

func TestCalls(t *testing.T) {
	tests := []struct {
		name    string
		headers []string
		want    codes.Code
	}{
		{"good", []string{"Bearer good"}, codes.OK},
		{"scheme in any case", []string{"bearer good"}, codes.OK},
		{"no token", nil, codes.Unauthenticated},
		{"another scheme", []string{"Basic YTpi"}, codes.Unauthenticated},
		{"not active", []string{"Bearer other"}, codes.Unauthenticated},
		{"no token can be this", []string{"Bearer go od"}, codes.Unauthenticated},
		{"another scope", []string{"Bearer poor"}, codes.PermissionDenied},
		{"two tokens", []string{"Bearer good", "Bearer good"}, codes.InvalidArgument},
		{"scheme alone", []string{"Bearer "}, codes.InvalidArgument},
		{"away", []string{"Bearer away"}, codes.Unavailable},
	}
	c, conn := newChancery(t)
	c.script("poor", active("image:create"))
	c.script("away", away())
	client := newAPI(t, newGuard(conn, resourceserver.Config{}), api{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := with(t.Context(), tt.headers...)
			answer, err := client.UnaryCall(ctx, &grpc_testing.SimpleRequest{})
			if status.Code(err) != tt.want || (err == nil) != (answer.GetUsername() == "u1") {
				t.Errorf("unary: %v, %v, want %v", answer, err, tt.want)
			}
			stream, err := client.FullDuplexCall(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if got := exchange(stream); status.Code(got) != tt.want {
				t.Errorf("stream: %v, want %v", got, tt.want)
			}
			_ = stream.CloseSend()
			drain(stream)
		})
	}
	if slices.Contains(c.questions(), "") {
		t.Error("asked about no token")
	}
}

type duplex = grpc.BidiStreamingClient[grpc_testing.StreamingOutputCallRequest, grpc_testing.StreamingOutputCallResponse]

// exchange sends a message, and waits for the answer.
func exchange(stream duplex) error {
	// A stream that has ended says why when it is read.
	_ = stream.Send(&grpc_testing.StreamingOutputCallRequest{})
	answer, err := stream.Recv()
	if err == nil && string(answer.GetPayload().GetBody()) != "u1" {
		return status.Error(codes.Internal, "answer without access")
	}
	return err
}

func drain(stream duplex) {
	for {
		if _, err := stream.Recv(); err != nil {
			return
		}
	}
}

func TestPublicMethodsNeedNoToken(t *testing.T) {
	c, conn := newChancery(t)
	client := newAPI(t, newGuard(conn, resourceserver.Config{}), api{})
	if _, err := client.EmptyCall(with(t.Context(), "Bearer good"), &grpc_testing.Empty{}); err != nil {
		t.Error(err)
	}
	if _, err := client.EmptyCall(t.Context(), &grpc_testing.Empty{}); err != nil {
		t.Error(err)
	}
	if got := c.questions(); len(got) > 0 {
		t.Errorf("asked about %q", got)
	}
}

// A method that was forgotten is closed, whatever the token.
func TestMethodsThatAreNotListedAreRefused(t *testing.T) {
	_, conn := newChancery(t)
	client := newAPI(t, newGuard(conn, resourceserver.Config{}), api{})
	ctx := with(t.Context(), "Bearer good")
	if _, err := client.CacheableUnaryCall(ctx, &grpc_testing.SimpleRequest{}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("unary: %v", err)
	}
	stream, err := client.HalfDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.PermissionDenied {
		t.Errorf("stream: %v", err)
	}
}

// A message relies on a check that is younger than Recheck, of 5 seconds here.
func TestStreamsEndWithTheirToken(t *testing.T) {
	var clock atomic.Int64 // nanoseconds
	c, conn := newChancery(t)
	client := newAPI(t, newGuard(conn, resourceserver.Config{Now: func() time.Time { return time.Unix(0, clock.Load()) }}), api{})
	stream, err := client.FullDuplexCall(with(t.Context(), "Bearer good"))
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name  string
		at    time.Duration
		scope string // of the token from then on
		want  codes.Code
		asked int
	}{
		{"at once", 0, "image:read", codes.OK, 1},
		{"just before", 5*time.Second - 1, "image:create", codes.OK, 1},
		{"checked again", 5 * time.Second, "image:read", codes.OK, 2},
		{"just before the third check", 10*time.Second - 1, "image:create", codes.OK, 2},
		{"without the scope", 10 * time.Second, "image:create", codes.PermissionDenied, 3},
	}
	for _, s := range steps {
		clock.Store(int64(s.at))
		c.script("good", active(s.scope))
		if err := exchange(stream); status.Code(err) != s.want {
			t.Fatalf("%s: %v, want %v", s.name, err, s.want)
		}
		if got := len(c.questions()); got != s.asked {
			t.Errorf("%s: asked %d times, want %d", s.name, got, s.asked)
		}
	}
}

// In either direction a message that comes after the end of the token does not pass.
func TestStreamsOfOneDirectionEndWithTheirToken(t *testing.T) {
	for revoked, want := range map[bool]codes.Code{false: codes.OK, true: codes.Unauthenticated} {
		var clock atomic.Int64 // seconds
		c, conn := newChancery(t)
		g := newGuard(conn, resourceserver.Config{Now: func() time.Time { return time.Unix(clock.Load(), 0) }})
		client := newAPI(t, g, api{between: func() {
			if clock.Add(5); revoked {
				c.script("good")
			}
		}})
		ctx := with(t.Context(), "Bearer good")
		output, err := client.StreamingOutputCall(ctx, &grpc_testing.StreamingOutputCallRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := output.Recv(); err != nil {
			t.Errorf("first message: %v", err)
		}
		if _, err := output.Recv(); status.Code(err) != want {
			t.Errorf("revoked %v: the second message comes with %v, want %v", revoked, err, want)
		}
		for err == nil {
			_, err = output.Recv()
		}

		c.script("good", active("image:read"))
		input, err := client.StreamingInputCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_ = input.Send(&grpc_testing.StreamingInputCallRequest{}) // it says why when it is closed
		}
		if want == codes.OK {
			want = codes.Aborted // by the handler
		}
		if _, err := input.CloseAndRecv(); status.Code(err) != want {
			t.Errorf("revoked %v: the second message gives %v, want %v", revoked, err, want)
		}
	}
}
