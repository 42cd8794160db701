package grpcserve_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/mtls"
	"github.com/chancery-auth/chancery/pkg/oauth"
	accessv1 "github.com/chancery-auth/chancery/proto/chancery/access/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

func TestN259_EachMethodIsOpenToTheCertificatesItNamesOverMutualTLS(t *testing.T) {
	m := newMesh(t)
	address, _ := m.serve("token", mtls.Required, everyService)
	open, _ := m.serve("token", mtls.IfGiven, everyService)
	certificates := map[string][]string{
		"the platform's": {"billing"}, "two roles": {"token", "consent"}, "a stranger and a role": {"billing", "registry"},
		"a word of the contracts": {"anyone"},
	}
	for _, role := range []string{"gateway", "authorize", "token", "consent", "introspection", "registry", "directory", "admin"} {
		certificates[role] = []string{role}
	}
	for name, names := range certificates {
		to := target(address)
		to.TLS = m.identity(domain, names...).ClientTLS("token")
		everyMethod(t, name, connect(t, to, grpcserve.Admin), names)
		to = target(open)
		to.TLS = m.identity(domain, names...).ClientTLS("token")
		everyMethod(t, name+" where none is needed", connect(t, to, grpcserve.Admin), names)
	}
	to := target(open)
	to.TLS = m.identity(domain, "admin").ClientTLS("token")
	to.TLS.GetClientCertificate = nil
	everyMethod(t, "none", connect(t, to, grpcserve.Admin), nil)
}

// everyMethod calls every method of every contract, and expects those to be open
// that name anyone or one of names.
func everyMethod(t *testing.T, certificate string, conn *grpc.ClientConn, names []string) {
	t.Helper()
	for _, method := range methods(t) {
		callers, _ := proto.GetExtension(method.Options(), accessv1.E_Callers).([]string)
		may := slices.Contains(callers, "anyone") ||
			slices.ContainsFunc(names, func(n string) bool { return slices.Contains(callers, n) })
		err := call(t, conn, method)
		// What is reached is not there, or has found the empty request to be wrong.
		reached := errors.Is(err, oauth.ServerError) || errors.Is(err, fault.Invalid)
		if reached != may || errors.Is(err, fault.Denied) == may {
			t.Errorf("certificate %s calls %s: %v, want it to be allowed: %v", certificate, method.FullName(), err, may)
		}
	}
}

func TestN258_CallWithAWrongCertificateIsNotServed(t *testing.T) {
	m, other := newMesh(t), newMesh(t)
	served := 0
	s := &script{exchange: func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		served++
		return &tokenv1.ExchangeResponse{}, nil
	}}
	address, _ := m.serve("token", mtls.Required, s.register)
	good := m.identity(domain, "gateway").ClientTLS("token")
	tests := map[string]struct {
		tls   *tls.Config
		takes bool
	}{
		"the right one":        {good, true},
		"none":                 {without(good), false},
		"of a foreign domain":  {showing(good, m.identity("example.com", "gateway")), false},
		"of another authority": {showing(good, other.identity(domain, "gateway")), false},
		"for another role":     {m.identity(domain, "gateway").ClientTLS("consent"), false},
		"in plain text":        {nil, false},
	}
	for name, tt := range tests {
		before := served
		to := target(address)
		to.TLS = tt.tls
		_, err := tokenv1.NewTokenServiceClient(connect(t, to, "")).Exchange(t.Context(), &tokenv1.ExchangeRequest{})
		if (err == nil) != tt.takes || (served > before) != tt.takes {
			t.Errorf("%s: %v, want it to be served: %v", name, err, tt.takes)
		}
		if !tt.takes && !errors.Is(err, oauth.TemporarilyUnavailable) {
			t.Errorf("%s: %v, want temporarily_unavailable", name, err)
		}
	}
}

func without(config *tls.Config) *tls.Config {
	config = config.Clone()
	config.GetClientCertificate = nil
	return config
}

func showing(config *tls.Config, i *mtls.Identity) *tls.Config {
	config = config.Clone()
	config.GetClientCertificate = i.ClientTLS("token").GetClientCertificate
	return config
}

func TestN261_MetadataIsNobodysIdentity(t *testing.T) {
	m := newMesh(t)
	address, _ := m.serve("directory", mtls.IfGiven, everyService)
	claims := metadata.Pairs("x-user-id", "1", "x-roles", "admin", "authorization", "Bearer admin", "x-caller", "admin", callerHeader, "admin")
	for certificate, want := range map[string]bool{"consent": false, "admin": true} {
		to := target(address)
		to.TLS = m.identity(domain, certificate).ClientTLS("directory")
		client := directoryv1.NewDirectoryServiceClient(connect(t, to, grpcserve.Admin))
		_, err := client.ListSubjects(metadata.NewOutgoingContext(t.Context(), claims), &directoryv1.ListSubjectsRequest{})
		if errors.Is(err, fault.Denied) == want {
			t.Errorf("%s claims to be admin: %v, want it to be allowed: %v", certificate, err, want)
		}
	}
}

func TestCallerIsTheFirstNameThatTheMethodAllows(t *testing.T) {
	m := newMesh(t)
	var got grpcserve.Caller
	s := &script{
		exchange: func(ctx context.Context, _ *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
			got, _ = grpcserve.CallerOf(ctx)
			return &tokenv1.ExchangeResponse{}, nil
		},
		getSubject: func(ctx context.Context, _ *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
			got, _ = grpcserve.CallerOf(ctx)
			return &directoryv1.GetSubjectResponse{}, nil
		},
	}
	address, _ := m.serve("token", mtls.IfGiven, s.register)
	tests := []struct {
		names         []string
		anyone, named grpcserve.Caller // the callers of a method open to anyone, and of one that names some
	}{
		{[]string{"token"}, "token", "token"},
		{[]string{"billing", "consent", "token"}, "billing", "consent"},
		{[]string{"token", "gateway"}, "gateway", "token"},
	}
	for _, tt := range tests {
		to := target(address)
		to.TLS = m.identity(domain, tt.names...).ClientTLS("token")
		conn := connect(t, to, "")
		if _, err := tokenv1.NewTokenServiceClient(conn).Exchange(t.Context(), &tokenv1.ExchangeRequest{}); err != nil || got != tt.anyone {
			t.Errorf("%q: the caller is %q (%v), want %q", tt.names, got, err, tt.anyone)
		}
		if _, err := directoryv1.NewDirectoryServiceClient(conn).GetSubject(t.Context(), &directoryv1.GetSubjectRequest{}); err != nil || got != tt.named {
			t.Errorf("%q: the caller is %q (%v), want %q", tt.names, got, err, tt.named)
		}
	}
}

func TestT38_CertificatesChangeUnderLoad(t *testing.T) {
	m := newMesh(t)
	files := []mtls.Files{m.files(domain, "token"), m.files(domain, "gateway")}
	identities := make([]*mtls.Identity, len(files))
	for i, f := range files {
		var err error
		if identities[i], err = mtls.Load(f, mtls.Options{Now: noon, Log: slog.New(slog.DiscardHandler)}); err != nil {
			t.Fatal(err)
		}
	}
	server, err := grpcserve.NewServer(strict(), credentials.NewTLS(identities[0].ServerTLS(mtls.Required)))
	if err != nil {
		t.Fatal(err)
	}
	s := &script{exchange: func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		return &tokenv1.ExchangeResponse{}, nil
	}}
	s.register(server)
	address, _ := serve(t, server)
	to := target(address)
	to.TLS = identities[1].ClientTLS("token")

	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for ctx.Err() == nil {
				conn, err := grpcserve.Dial(to)
				if err == nil {
					_, err = tokenv1.NewTokenServiceClient(conn).Exchange(context.Background(), &tokenv1.ExchangeRequest{})
					conn.Close()
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		for i, names := range []string{"token", "gateway"} {
			m.certify(files[i], domain, names)
			if err := identities[i].Reload(); err != nil {
				t.Error(err)
			}
		}
	}
	stop()
	load.Wait()
}
