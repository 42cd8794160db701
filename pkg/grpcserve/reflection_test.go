package grpcserve_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// listServices asks what there is.
func listServices(t *testing.T, address string) ([]string, error) {
	t.Helper()
	stream, err := reflectionv1.NewServerReflectionClient(dial(t, address, grpcserve.Admin)).ServerReflectionInfo(t.Context())
	if err != nil {
		return nil, err
	}
	ask := &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}
	if err := stream.Send(ask); err != nil && !errors.Is(err, io.EOF) { // of a stream that is refused
		return nil, err
	}
	resp, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range resp.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names, stream.CloseSend()
}

// inside serves the handler without TLS, as the internal port does.
func inside(t *testing.T, handler http.Handler) string {
	t.Helper()
	lis, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Second, Protocols: &http.Protocols{}}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	done := make(chan struct{})
	go func() { _ = server.Serve(lis); close(done) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return lis.Addr().String()
}

func TestN264_ReflectionIsOnTheInternalPortOnly(t *testing.T) {
	server, err := grpcserve.NewServer(quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	everyService(server)
	public, _ := serve(t, server)
	if _, err := listServices(t, public); status.Code(err) != codes.Unimplemented {
		t.Errorf("the service's port lists its services: %v", err)
	}
	for _, method := range []string{
		"/grpc.channelz.v1.Channelz/GetTopChannels", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
	} {
		err := dial(t, public, grpcserve.Admin).Invoke(t.Context(), method, &tokenv1.ExchangeRequest{}, &tokenv1.ExchangeResponse{})
		if err == nil || status.Code(errorCause(err)) != codes.Unimplemented {
			t.Errorf("%s: %v, want unimplemented", method, err)
		}
	}
	internal := inside(t, grpcserve.Reflection(server))
	names, err := listServices(t, internal)
	if err != nil || !slices.Contains(names, "chancery.token.v1.TokenService") || !slices.Contains(names, "chancery.directory.v1.DirectoryService") {
		t.Errorf("the internal port lists %q: %v", names, err)
	}
	if _, err := tokenv1.NewTokenServiceClient(dial(t, internal, grpcserve.Admin)).Exchange(t.Context(), &tokenv1.ExchangeRequest{}); err == nil {
		t.Error("the internal port serves the contracts")
	}
}

// errorCause is the status that a refusal was made of.
func errorCause(err error) error {
	for {
		switch e := err.(type) { //nolint:errorlint // it walks the chain itself
		case interface{ GRPCStatus() *status.Status }:
			return err
		case interface{ Unwrap() []error }:
			list := e.Unwrap()
			err = list[len(list)-1]
		default:
			return nil
		}
	}
}

func TestReflectionKnowsTheHealth(t *testing.T) {
	server, err := grpcserve.NewServer(quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := healthv1.NewHealthClient(dial(t, inside(t, grpcserve.Reflection(server)), ""))
	for _, serving := range []bool{true, false, true} {
		server.SetServing(serving)
		resp, err := client.Check(context.Background(), &healthv1.HealthCheckRequest{})
		if err != nil || (resp.GetStatus() == healthv1.HealthCheckResponse_SERVING) != serving {
			t.Errorf("Check() = %v, %v, want serving: %v", resp.GetStatus(), err, serving)
		}
	}
}
