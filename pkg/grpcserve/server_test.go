package grpcserve_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

func newServer(t *testing.T, s *script) (*grpcserve.Server, string, func() error) {
	t.Helper()
	server, err := grpcserve.NewServer(quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.register(server)
	address, stop := serve(t, server)
	return server, address, stop
}

func TestN262_MessagesAndHeadersHaveLimits(t *testing.T) {
	s := &script{exchange: func(_ context.Context, req *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		if req.GetCode() != "answer" {
			return &tokenv1.ExchangeResponse{}, nil
		}
		return &tokenv1.ExchangeResponse{AccessToken: strings.Repeat("a", len(req.GetScope())*8)}, nil
	}}
	_, address, _ := newServer(t, s)
	client := tokenv1.NewTokenServiceClient(dial(t, address, "gateway"))
	tests := []struct {
		name string
		req  *tokenv1.ExchangeRequest
		meta string
		fits bool
	}{
		{"request below 256 KiB", &tokenv1.ExchangeRequest{Scope: strings.Repeat("s", 256<<10-64)}, "", true},
		{"request above", &tokenv1.ExchangeRequest{Scope: strings.Repeat("s", 256<<10)}, "", false},
		{"request of 3 MiB", &tokenv1.ExchangeRequest{Scope: strings.Repeat("s", 3<<20)}, "", false},
		{"answer below 1 MiB", &tokenv1.ExchangeRequest{Code: "answer", Scope: strings.Repeat("s", 128<<10-64)}, "", true},
		{"answer above", &tokenv1.ExchangeRequest{Code: "answer", Scope: strings.Repeat("s", 128<<10)}, "", false},
		{"metadata below 16 KiB", &tokenv1.ExchangeRequest{}, strings.Repeat("m", 15<<10), true},
		{"metadata above", &tokenv1.ExchangeRequest{}, strings.Repeat("m", 16<<10), false},
	}
	for _, tt := range tests {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "x-long", tt.meta)
		if _, err := client.Exchange(ctx, tt.req); (err == nil) != tt.fits {
			t.Errorf("%s: %v, want it to fit: %v", tt.name, err, tt.fits)
		}
	}
}

func TestN260_UnknownMethodIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, tr *transport) {
		tr.script.exchange = func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
			return &tokenv1.ExchangeResponse{}, nil
		}
		for method, want := range map[string]bool{
			"/chancery.token.v1.TokenService/Exchange": true,
			"/chancery.token.v1.TokenService/exchange": false,
			"/chancery.token.v1.tokenservice/Exchange": false,
			"/chancery.token.v1.TokenService/Nothing":  false,
		} {
			err := tr.conn("gateway").Invoke(t.Context(), method, &tokenv1.ExchangeRequest{}, &tokenv1.ExchangeResponse{})
			if (err == nil) != want || err != nil && !errors.Is(err, oauth.ServerError) {
				t.Errorf("%s: %v, want it to be reached: %v", method, err, want)
			}
		}
	})
}

func TestCallWithoutAServerIsUnavailable(t *testing.T) {
	_, address, stop := newServer(t, &script{})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	_, err := tokenv1.NewTokenServiceClient(dial(t, address, "gateway")).Exchange(t.Context(), &tokenv1.ExchangeRequest{})
	if !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("error = %v, want temporarily_unavailable", err)
	}
}

func TestHealthCheckAnswersAnyone(t *testing.T) {
	_, address, _ := newServer(t, &script{})
	resp, err := healthv1.NewHealthClient(dial(t, address, "")).Check(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil || resp.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("Check() = %v, %v, want SERVING", resp.GetStatus(), err)
	}
}

func TestServeLetsCallsFinish(t *testing.T) {
	entered, finish := make(chan struct{}), make(chan struct{})
	s := &script{exchange: func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		close(entered)
		<-finish
		return &tokenv1.ExchangeResponse{AccessToken: "done"}, nil
	}}
	_, address, stop := newServer(t, s)
	conn := dial(t, address, "gateway")
	answered := make(chan error, 1)
	go func() {
		resp, err := tokenv1.NewTokenServiceClient(conn).Exchange(context.Background(), &tokenv1.ExchangeRequest{})
		if err == nil && resp.GetAccessToken() != "done" {
			err = errors.New("another answer")
		}
		answered <- err
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	// New calls are refused before the one that runs has finished.
	for {
		if _, err := healthv1.NewHealthClient(dial(t, address, "")).Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
			break
		}
	}
	select {
	case err := <-stopped:
		t.Fatalf("Serve() = %v while a call runs", err)
	default:
	}
	close(finish)
	if err := errors.Join(<-answered, <-stopped); err != nil {
		t.Error(err)
	}
}

func TestServeFailsOnADeadListener(t *testing.T) {
	server, err := grpcserve.NewServer(quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	lis, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := lis.Close(); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(t.Context(), lis); err == nil {
		t.Error("Serve() on a closed listener is no error")
	}
}

var _ grpc.ServiceRegistrar = (*grpcserve.Local)(nil)
