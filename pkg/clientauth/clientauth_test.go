package clientauth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// assertion is a JWS in form, whose payload names the client c1.
var assertion = "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"c1"}`)) + ".c2ln"

func basic(credentials string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
}

func TestSort(t *testing.T) {
	tests := []struct {
		name   string
		header []string
		req    *tokenv1.ExchangeRequest
		want   *registryv1.AuthenticateClientRequest
		err    error
	}{
		{
			"secret in the header",
			[]string{basic("c1:s")},
			&tokenv1.ExchangeRequest{},
			&registryv1.AuthenticateClientRequest{ClientId: "c1", Method: oauth.AuthClientSecretBasic, ClientSecret: "s"}, nil,
		},
		{
			"and the same client in the body",
			[]string{basic("c1:s")},
			&tokenv1.ExchangeRequest{ClientId: "c1"},
			&registryv1.AuthenticateClientRequest{ClientId: "c1", Method: oauth.AuthClientSecretBasic, ClientSecret: "s"}, nil,
		},
		{
			"secret in the body", nil, &tokenv1.ExchangeRequest{ClientId: "c1", ClientSecret: "s"},
			&registryv1.AuthenticateClientRequest{ClientId: "c1", Method: oauth.AuthClientSecretPost, ClientSecret: "s"}, nil,
		},
		{
			"no secret", nil, &tokenv1.ExchangeRequest{ClientId: "c1"},
			&registryv1.AuthenticateClientRequest{ClientId: "c1", Method: oauth.AuthNone}, nil,
		},
		{
			"assertion with client_id", nil,
			&tokenv1.ExchangeRequest{ClientId: "c2", ClientAssertionType: oauth.AssertionTypeJWT, ClientAssertion: assertion},
			&registryv1.AuthenticateClientRequest{ClientId: "c2", Method: oauth.AuthPrivateKeyJWT, ClientAssertion: assertion}, nil,
		},
		{
			"assertion alone", nil,
			&tokenv1.ExchangeRequest{ClientAssertionType: oauth.AssertionTypeJWT, ClientAssertion: assertion},
			&registryv1.AuthenticateClientRequest{ClientId: "c1", Method: oauth.AuthPrivateKeyJWT, ClientAssertion: assertion}, nil,
		},
		{"nothing", nil, &tokenv1.ExchangeRequest{}, nil, oauth.InvalidClient},
		{"N101: header and body", []string{basic("c1:s")}, &tokenv1.ExchangeRequest{ClientId: "c1", ClientSecret: "s"}, nil, oauth.InvalidRequest},
		{
			"N101: header and assertion",
			[]string{basic("c1:s")},
			&tokenv1.ExchangeRequest{ClientAssertionType: oauth.AssertionTypeJWT, ClientAssertion: assertion}, nil, oauth.InvalidRequest,
		},
		{
			"N101: body and assertion", nil,
			&tokenv1.ExchangeRequest{ClientId: "c1", ClientSecret: "s", ClientAssertionType: oauth.AssertionTypeJWT, ClientAssertion: assertion},
			nil, oauth.InvalidRequest,
		},
		{"N103: two clients", []string{basic("c1:s")}, &tokenv1.ExchangeRequest{ClientId: "c2"}, nil, oauth.InvalidRequest},
		{"N104: two headers", []string{basic("c1:s"), basic("c1:s")}, &tokenv1.ExchangeRequest{}, nil, oauth.InvalidRequest},
		{"N104: no colon", []string{basic("c1")}, &tokenv1.ExchangeRequest{}, nil, oauth.InvalidClient},
		{"assertion of another type", nil, &tokenv1.ExchangeRequest{ClientAssertionType: "saml", ClientAssertion: assertion}, nil, oauth.InvalidRequest},
		{"type without assertion", nil, &tokenv1.ExchangeRequest{ClientAssertionType: oauth.AssertionTypeJWT}, nil, oauth.InvalidRequest},
		{
			"assertion of nobody", nil,
			&tokenv1.ExchangeRequest{ClientAssertionType: oauth.AssertionTypeJWT, ClientAssertion: "e30.e30.c2ln"}, nil, oauth.InvalidClient,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := metadata.NewIncomingContext(context.Background(), metadata.MD{clientauth.MetadataKey: tt.header})
			got, err := clientauth.Sort(ctx, tt.req)
			if !errors.Is(err, tt.err) {
				t.Fatalf("Sort() = %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("Sort() differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAClientIDAloneIsNoCredential(t *testing.T) {
	if clientauth.Presented(t.Context(), &tokenv1.RevokeRequest{ClientId: "c1"}) {
		t.Error("Presented(client_id alone) = true")
	}
	if !clientauth.Presented(t.Context(), &tokenv1.RevokeRequest{ClientId: "c1", ClientSecret: "wrong"}) {
		t.Error("Presented(client_secret) = false")
	}
}

// Over gRPC there is neither a header nor a form, so a secret is just a secret.
func TestASecretOverGRPCFitsEitherSecretMethod(t *testing.T) {
	methods := map[grpcserve.Caller]string{grpcserve.Gateway: oauth.AuthClientSecretPost, "": clientauth.MethodSecret}
	for caller, want := range methods {
		local, err := grpcserve.NewLocal(grpcserve.Options{Log: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer("")})
		if err != nil {
			t.Fatal(err)
		}
		endpoint := &endpoint{}
		tokenv1.RegisterTokenServiceServer(local, endpoint)
		_, err = tokenv1.NewTokenServiceClient(local.Conn(caller)).Exchange(t.Context(), &tokenv1.ExchangeRequest{ClientId: "c1", ClientSecret: "s"})
		if err != nil || endpoint.presented.GetMethod() != want {
			t.Errorf("from %q: method %q (%v), want %q", caller, endpoint.presented.GetMethod(), err, want)
		}
	}
}

// endpoint is a token endpoint that only sorts.
type endpoint struct {
	tokenv1.UnimplementedTokenServiceServer
	presented *registryv1.AuthenticateClientRequest
}

func (e *endpoint) Exchange(ctx context.Context, req *tokenv1.ExchangeRequest) (_ *tokenv1.ExchangeResponse, err error) {
	e.presented, err = clientauth.Sort(ctx, req)
	return &tokenv1.ExchangeResponse{}, err
}
