package grpcserve_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/mtls"
)

const domain = "chancery.internal"

// noon is the time in these tests, on every side that does not say otherwise.
func noon() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }

// mesh is an authority and those it has certified.
type mesh struct {
	t         *testing.T
	authority *mtls.Authority
}

func newMesh(t *testing.T) mesh {
	t.Helper()
	a, err := mtls.NewAuthority(noon, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return mesh{t, a}
}

// files are those of a process with names in a domain.
func (m mesh) files(of string, names ...string) mtls.Files {
	m.t.Helper()
	dir := m.t.TempDir()
	f := mtls.Files{
		Authority: filepath.Join(dir, "ca.crt"), Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"),
	}
	m.certify(f, of, names...)
	return f
}

// certify replaces the files.
func (m mesh) certify(f mtls.Files, of string, names ...string) {
	m.t.Helper()
	certificate, key, err := m.authority.Issue(of, names, nil, time.Hour)
	if err != nil {
		m.t.Fatal(err)
	}
	for path, content := range map[string][]byte{f.Authority: m.authority.PEM(), f.Certificate: certificate, f.Key: key} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			m.t.Fatal(err)
		}
	}
}

// identity is that of a process with names in a domain, which it takes for its own.
func (m mesh) identity(of string, names ...string) *mtls.Identity {
	m.t.Helper()
	i, err := mtls.Load(m.files(of, names...), mtls.Options{Domain: of, Now: noon, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		m.t.Fatal(err)
	}
	return i
}

// strict are the options of a server that believes certificates only.
func strict() grpcserve.Options {
	return grpcserve.Options{
		Log: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer(""),
		Identify: grpcserve.ByCertificate(domain), Now: noon, Deadline: time.Minute,
	}
}

// serve serves every contract as role.
func (m mesh) serve(role string, kind mtls.ClientCertificate, register func(grpc.ServiceRegistrar)) (address string, stop func() error) {
	m.t.Helper()
	server, err := grpcserve.NewServer(strict(), credentials.NewTLS(m.identity(domain, role).ServerTLS(kind)))
	if err != nil {
		m.t.Fatal(err)
	}
	register(server)
	return serve(m.t, server)
}

// target is a list of servers in plain text.
func target(addresses ...string) grpcserve.Target {
	list := "static:///"
	for i, a := range addresses {
		if i > 0 {
			list += ","
		}
		list += a
	}
	return grpcserve.Target{Address: list, Role: "token", Now: noon}
}

// connect dials to, as the named caller if the server believes headers.
func connect(t *testing.T, to grpcserve.Target, c grpcserve.Caller) *grpc.ClientConn {
	t.Helper()
	conn, err := grpcserve.Dial(to, grpc.WithPerRPCCredentials(named(c)))
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

// named says who calls, in the header that byHeader reads.
type named string

func (n named) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{callerHeader: string(n)}, nil
}

func (named) RequireTransportSecurity() bool { return false }
