package e2e

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/chancery-auth/chancery/e2e/cluster"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/mtls"
	"github.com/chancery-auth/chancery/pkg/tcpproxy"
)

// cutOff is the replica of introspection whose links to the servers a test can
// take away.
const cutOff = "introspection-2"

// databaseServer is the name of the database among the cluster's processes.
const databaseServer = "postgres"

// fleet is Chancery as it runs in production: processes of its services, which
// the tests of one run share.
type fleet struct {
	*cluster.Cluster
	// s is the cluster as the tests of one process know a server.
	s *server
	// links are the proxies between cutOff and each server, by its name.
	links map[string]*tcpproxy.Proxy
	// databases are the proxies between the other processes and the database.
	databases []*tcpproxy.Proxy
}

// TestCluster needs most of its time to wait for bounds to pass.
func TestCluster(t *testing.T) {
	f := newFleet(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *fleet)
	}{
		{"a client library goes the whole way", libraryThroughTheCluster},
		{"people go through in a browser", browserThroughTheCluster},
		{"N305 a workspace is deleted with its apps", workspaceEndsInTheCluster},
		{"T06 T07 a revocation reaches every replica with NATS or without", revocationReachesEveryReplica},
		{"T04 a replica that was suspended answers nothing stale", suspendedReplicaIsNotStale},
		{"T12 a replica without its database stops answering active", replicaWithoutDatabase},
		{"N259 each method is open to the certificates it names", methodsAreOpenToTheirCallers},
		{"N072 wrong passwords are counted by all processes together", guessesAreCountedTogether},
		{"T01 a killed process takes nothing acknowledged along", killedProcesses},
		{"N117 an assertion is used once", assertionsAreUsedOnce},
		{"N123 a code is redeemed once", codesAreRedeemedOnce},
		{"N136 a refresh token has one successor", refreshesHaveOneSuccessor},
		{"T11 the database comes back", databaseRestarts},
		{"N324 unfinished messages leave room for others", unfinishedMessages},
		{"N328 connections to the database are reset", connectionsAreReset},
		{"N329 the database refuses log-ins", logInsAreRefused},
		{"N327 a frozen replica is missed", frozenReplicas},
		{"N325 T05 a rolling restart loses no request", rollingRestart},
		{"T29 keys rotate and every ID token verifies", keysRotate},
		{"T38 certificates are replaced and no request fails", certificatesAreReplaced},
	} {
		ok := t.Run(tt.name, func(t *testing.T) {
			tt.test(t, f)
			f.recover(t)
		})
		if !ok {
			f.recover(t)
		}
	}
}

// newFleet starts a cluster that ends with the test.
func newFleet(t *testing.T) *fleet {
	t.Helper()
	self := filepath.Join(t.TempDir(), "cluster")
	if out, err := exec.Command("go", "build", "-o", self, "./cluster/start").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	dir, err := os.MkdirTemp("", "chancery-cluster-") //nolint:usetesting // The database's user has to get in.
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs: %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	f := &fleet{links: map[string]*tcpproxy.Proxy{}}
	began := time.Now()
	f.Cluster, err = cluster.Start(t.Context(), cluster.Options{
		Dir: dir, Binary: program(), Self: self, Log: testLog{t}, Now: time.Now, Unlimited: true, PublishLead: publishLead,
		Between: func(process, server, address string) string {
			link := func() *tcpproxy.Proxy { return tcpproxy.Start(t, address) }
			switch {
			case process == cutOff:
				f.links[server] = link()
				return f.links[server].Addr()
			case server == databaseServer:
				f.databases = append(f.databases, link())
				return f.databases[len(f.databases)-1].Addr()
			default:
				return address
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
	})
	demo, err := f.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %s", time.Since(began))
	f.s = asServer(f.Issuer, demo)
	return f
}

// asServer is a cluster in the words of the other tests.
func asServer(issuer string, demo *cluster.Demo) *server {
	s := &server{}
	s.Issuer = issuer
	s.Demo.User.Username, s.Demo.User.Password, s.Demo.User.Sub = demo.User.Username, demo.User.Password, demo.User.Sub
	s.Demo.Client.ClientID, s.Demo.Client.ClientSecret = demo.Client.ClientID, demo.Client.ClientSecret
	s.Demo.Client.RedirectURI = demo.Client.RedirectURI
	return s
}

// testLog writes a cluster's progress into the test's log.
type testLog struct{ t *testing.T }

// Write implements io.Writer.
func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// recover brings back whatever a test has taken away, and fails if that was
// more than it should have.
func (f *fleet) recover(t *testing.T) {
	t.Helper()
	for _, link := range f.links {
		link.Heal()
	}
	for _, p := range f.All() {
		_ = p.Resume() // it may not run
	}
	atOnce(t, f.All(), func(p *cluster.Process) error { return p.Start(context.WithoutCancel(t.Context())) })
}

// atOnce does something with every process, and waits.
func atOnce(t *testing.T, processes []*cluster.Process, do func(*cluster.Process) error) {
	t.Helper()
	var wg sync.WaitGroup
	for _, p := range processes {
		wg.Go(func() {
			if err := do(p); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// admin runs an administrative command and decodes what it prints.
func admin[T any](t *testing.T, f *fleet, args ...string) T {
	t.Helper()
	out, err := f.Admin(t.Context(), "", append(args, "--json")...)
	if err != nil {
		t.Fatalf("chancery %s: %v", strings.Join(args, " "), err)
	}
	return decode[T](t, out)
}

// identity is who has the certificate of a process, or of the names admin and
// [cluster.Platform].
func (f *fleet) identity(t *testing.T, name string) *mtls.Identity {
	t.Helper()
	dir := f.Certificate(name)
	identity, err := mtls.Load(mtls.Files{
		Authority: f.AuthorityFile(), Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"),
	}, mtls.Options{Domain: mtls.DefaultDomain, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

// dialAs connects to one process, which has the role, as somebody.
func (f *fleet) dialAs(t *testing.T, as, role string, to *cluster.Process) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(to.GRPC,
		grpc.WithTransportCredentials(credentials.NewTLS(f.identity(t, as).ClientTLS(role))),
		grpc.WithUnaryInterceptor(grpcserve.Client))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// tick calls do again and again until done says so, with a pause. It fails the
// test after the time.
func tick(t testing.TB, within time.Duration, what string, done func() bool) {
	t.Helper()
	deadline, ticker := time.After(within), time.NewTicker(10*time.Millisecond)
	defer ticker.Stop()
	for !done() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}
