package grpcserve_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// limitedServer serves s with limits, at a time that stands still.
func limitedServer(t *testing.T, s *script, clients, holders rate.Limit) (address string) {
	t.Helper()
	o := quiet()
	o.Limits = grpcserve.Limits{Limiter: ratelimit.New(func() time.Time { return time.Time{} }, nil), Clients: clients, Holders: holders}
	server, err := grpcserve.NewServer(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.register(server)
	address, _ = serve(t, server)
	return address
}

// N319: what anybody may call is limited by certificate, and by address without one.
// Chancery's own processes hand on what others ask, and have no limit.
func TestN319_CallsOfOneSourceHaveALimit(t *testing.T) {
	s := &script{
		exchange: func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
			return &tokenv1.ExchangeResponse{}, nil
		},
		getSubject: func(context.Context, *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
			return &directoryv1.GetSubjectResponse{}, nil
		},
	}
	address := limitedServer(t, s, 2, 3)
	// passes is how many of twelve calls pass.
	passes := func(as grpcserve.Caller, call func(*grpc.ClientConn) error) (n int) {
		t.Helper()
		conn := dial(t, address, as)
		for range 12 {
			switch err := call(conn); {
			case err == nil, errors.Is(err, oauth.ServerError): // there is no such method behind the list
				n++
			case !errors.Is(err, fault.Exhausted):
				t.Fatalf("as %q: %v", as, err)
			}
		}
		return n
	}
	exchange := func(conn *grpc.ClientConn) error {
		_, err := tokenv1.NewTokenServiceClient(conn).Exchange(t.Context(), &tokenv1.ExchangeRequest{ClientId: "c1"})
		return err
	}
	jwks := func(conn *grpc.ClientConn) error {
		_, err := tokenv1.NewTokenServiceClient(conn).GetJwks(t.Context(), &tokenv1.GetJwksRequest{})
		return err
	}
	subject := func(conn *grpc.ClientConn) error {
		_, err := directoryv1.NewDirectoryServiceClient(conn).GetSubject(t.Context(), &directoryv1.GetSubjectRequest{Sub: "b3c1ae0a-7e7e-4c4e-8a50-aaaaaaaaaaaa"})
		return err
	}
	for _, tt := range []struct {
		name string
		as   grpcserve.Caller
		call func(*grpc.ClientConn) error
		want int
	}{
		{"an address", "", exchange, 4},
		{"the address again", "", exchange, 0},
		{"a certificate", "billing", exchange, 4},
		{"another certificate", "reports", exchange, 4},
		{"the address, at methods for holders", "", jwks, 6},
		{"the edge", "gateway", exchange, 12},
		{"the edge, at methods for holders", "gateway", jwks, 12},
		{"a method that is not open", "gateway", subject, 12},
	} {
		if got := passes(tt.as, tt.call); got != tt.want {
			t.Errorf("%s: %d calls pass, want %d", tt.name, got, tt.want)
		}
	}
}

// A refusal says in the words of gRPC what it is, and when to come again.
func TestN319_RefusedCallsAreToldWhenToComeAgain(t *testing.T) {
	s := &script{exchange: func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		return &tokenv1.ExchangeResponse{}, nil
	}}
	address := limitedServer(t, s, 0.5, 1)
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	client := tokenv1.NewTokenServiceClient(conn)
	if _, err := client.Exchange(t.Context(), &tokenv1.ExchangeRequest{}); err != nil {
		t.Fatal(err)
	}
	_, err = client.Exchange(t.Context(), &tokenv1.ExchangeRequest{})
	st := status.Convert(err)
	if st.Code() != codes.ResourceExhausted {
		t.Fatalf("Exchange() = %v", err)
	}
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok && info.GetRetryDelay().AsDuration() == 2*time.Second {
			return
		}
	}
	t.Errorf("details are %v, want to be told two seconds", st.Details())
}

// N111: wrong secrets hold up who sends them, and no other source of the client.
func TestN111_WrongSecretsOverGRPCHoldUpTheirSource(t *testing.T) {
	reached := 0
	s := &script{exchange: func(_ context.Context, req *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		if req.GetClientSecret() == "wrong" {
			reached++
			return nil, oauth.Refuse(oauth.InvalidClient, "client authentication failed")
		}
		return &tokenv1.ExchangeResponse{}, nil
	}}
	address := limitedServer(t, s, 1e6, 1e6)
	exchange := func(as grpcserve.Caller, client, secret string) error {
		_, err := tokenv1.NewTokenServiceClient(dial(t, address, as)).Exchange(t.Context(), &tokenv1.ExchangeRequest{ClientId: client, ClientSecret: secret})
		return err
	}
	for range 150 {
		if err := exchange("", "c1", "wrong"); !errors.Is(err, oauth.InvalidClient) && !errors.Is(err, fault.Exhausted) {
			t.Fatal(err)
		}
	}
	if reached != 100 {
		t.Errorf("%d wrong secrets were looked at, want 100", reached)
	}
	if err := exchange("", "c1", "right"); !errors.Is(err, fault.Exhausted) {
		t.Errorf("the attacker's next call: %v", err)
	}
	for _, other := range []struct {
		as     grpcserve.Caller
		client string
	}{{"billing", "c1"}, {"", "c2"}} {
		if err := exchange(other.as, other.client, "right"); err != nil {
			t.Errorf("%s from %q: %v", other.client, other.as, err)
		}
	}
}
