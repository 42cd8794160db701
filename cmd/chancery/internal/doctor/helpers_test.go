package doctor_test

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/doctor"
	"github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/mtls"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/services/token"
)

const day = 24 * time.Hour

// patient is a process that is to be looked at. Tests spoil one thing of it.
type patient struct {
	*testing.T
	folder    string
	authority *mtls.Authority
	roles     []string
	database  string
	issuer    string
	nats      string
	extra     string // more of the configuration
	now       func() time.Time
}

func sets() []migrate.Set { return []migrate.Set{migrations.Set(), token.Migrations()} }

// newPatient has nothing wrong with it that a test machine does not have wrong.
func newPatient(t *testing.T, roles ...string) *patient {
	t.Helper()
	p := &patient{T: t, folder: t.TempDir(), roles: roles, issuer: "http://localhost:1", now: time.Now}
	p.authority = newAuthority(t, 365*day)
	p.trust(p.authority)
	p.certify(p.authority, 30*day, roles...)
	for i, name := range []string{"kek", "hint.key"} {
		p.write(name, []byte(base64.StdEncoding.EncodeToString([]byte(strings.Repeat(fmt.Sprint(i, "bc"), 11)[:32]))))
	}
	return p
}

func newAuthority(t *testing.T, lifetime time.Duration) *mtls.Authority {
	t.Helper()
	a, err := mtls.NewAuthority(time.Now, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (p *patient) path(name string) string { return filepath.Join(p.folder, name) }

func (p *patient) write(name string, content []byte) {
	p.Helper()
	if err := os.WriteFile(p.path(name), content, 0o600); err != nil {
		p.Fatal(err)
	}
}

func (p *patient) trust(a *mtls.Authority) { p.write("ca.crt", a.PEM()) }

// certify gives the process a certificate.
func (p *patient) certify(a *mtls.Authority, lifetime time.Duration, names ...string) {
	p.Helper()
	certificate, key, err := a.Issue("chancery.internal", names, nil, lifetime)
	if err != nil {
		p.Fatal(err)
	}
	p.write("tls.crt", certificate)
	p.write("tls.key", key)
}

// load is the configuration of the process.
func (p *patient) load() *config.Config {
	p.Helper()
	if p.nats == "" {
		p.nats = "nats://127.0.0.1:1"
	}
	p.write("url", []byte(p.database))
	p.write("chancery.yaml", []byte(`issuer: `+p.issuer+`
database: file:url
key_encryption_key: file:kek
nats:
  servers: [`+p.nats+`]
  hint_key: file:hint.key
mutual_tls: {authority: ca.crt, certificate: tls.crt, key: tls.key}
`+p.extra))
	c, err := config.Load(p.path("chancery.yaml"), os.LookupEnv)
	if err != nil {
		p.Fatal(err)
	}
	return c
}

// look runs the checks, and returns what they find by name.
func (p *patient) look() map[string]doctor.Finding {
	p.Helper()
	subject := doctor.Subject{Config: p.load(), Roles: p.roles, Sets: sets(), Now: p.now}
	checks, done := subject.Checks()
	defer done()
	found := map[string]doctor.Finding{}
	for result := range doctor.Run(p.Context(), checks) {
		if _, twice := found[result.Check]; twice {
			p.Errorf("two checks are called %q", result.Check)
		}
		if (result.Status == doctor.OK) != (result.Fix == "") {
			p.Errorf("%s: %s %q says to do %q", result.Check, result.Status, result.Message, result.Fix)
		}
		found[result.Check] = result.Finding
	}
	return found
}

// want is the status of one check, and a text in what it says.
func want(t *testing.T, found map[string]doctor.Finding, check string, status doctor.Status, text string) {
	t.Helper()
	if f := found[check]; f.Status != status || !strings.Contains(f.Message, text) {
		t.Errorf("%s: %q %q, want %q %q", check, f.Status, f.Message, status, text)
	}
}

// withDatabase gives the process a database that is migrated.
func (p *patient) withDatabase() *patient {
	p.Helper()
	p.database = pgtest.URL(p, sets()...)
	return p
}

// startNATS starts a server that wants a certificate, with JetStream if a folder
// is given.
func startNATS(t *testing.T, a *mtls.Authority, store string) string {
	t.Helper()
	o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, JetStream: store != "", StoreDir: store}
	if a != nil {
		o.TLSConfig, o.TLS, o.TLSVerify, o.TLSTimeout = serverTLS(t, a, "nats"), true, true, 5
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	_, port, err := net.SplitHostPort(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if a == nil {
		return "nats://127.0.0.1:" + port
	}
	return "tls://127.0.0.1:" + port
}

// serverTLS is that of a peer of these names.
func serverTLS(t *testing.T, a *mtls.Authority, names ...string) *tls.Config {
	t.Helper()
	peer := &patient{T: t, folder: t.TempDir()}
	certificate, key, err := a.Issue("chancery.internal", names, []string{"127.0.0.1", "localhost"}, day)
	if err != nil {
		t.Fatal(err)
	}
	peer.write("tls.crt", certificate)
	peer.write("tls.key", key)
	peer.trust(a)
	identity, err := mtls.Load(mtls.Files{Authority: peer.path("ca.crt"), Certificate: peer.path("tls.crt"), Key: peer.path("tls.key")}, mtls.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return identity.ServerTLS(mtls.Required)
}

// startService starts a peer of these names that says of its health what status
// is, and returns its address.
func startService(t *testing.T, a *mtls.Authority, status healthv1.HealthCheckResponse_ServingStatus, names ...string) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.Creds(credentials.NewTLS(serverTLS(t, a, names...))))
	state := health.NewServer()
	state.SetServingStatus("", status)
	healthv1.RegisterHealthServer(s, state)
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// startIssuer serves a discovery document; empty for none.
func startIssuer(t *testing.T, document func(url string) string) string {
	t.Helper()
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/openid-configuration" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, document(s.URL))
	}))
	t.Cleanup(s.Close)
	return s.URL
}
