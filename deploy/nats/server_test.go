package nats_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/chancery-auth/chancery/pkg/mtls"
)

const (
	patience = 20 * time.Second
	replicas = 3
)

// bus is a cluster of servers on nats.conf.
type bus struct {
	authority *mtls.Authority
	servers   []*server.Server
	routes    string
}

// startBus starts the cluster and waits until JetStream has a leader.
func startBus(t *testing.T) *bus {
	t.Helper()
	b := &bus{authority: newAuthority(t)}
	listens, routes := make([]string, replicas), make([]string, replicas)
	for i, port := range freePorts(t, replicas) {
		listens[i] = "127.0.0.1:" + strconv.Itoa(port)
		routes[i] = strconv.Quote("tls://" + listens[i])
	}
	b.routes = "[" + strings.Join(routes, ", ") + "]"
	for i, listen := range listens {
		b.servers = append(b.servers, b.start(t, fmt.Sprintf("nats-%d", i), listen, "nats"))
	}
	for _, s := range b.servers {
		eventually(t, "JetStream of "+s.Name()+" is ready", func() bool {
			return s.ReadyForConnections(time.Second) && s.NumRoutes() > 0 && s.JetStreamIsCurrent() && s.Healthz(nil).StatusCode == http.StatusOK
		})
	}
	return b
}

// start starts one server with the certificate of a role, as the command
// nats-server does.
func (b *bus) start(t *testing.T, name, clusterListen, role string) *server.Server {
	t.Helper()
	variables := issue(t, b.authority, mtls.DefaultDomain, role).files(t, b.authority)
	variables["NATS_NAME"], variables["NATS_LISTEN"] = name, "127.0.0.1:-1"
	variables["NATS_CLUSTER_LISTEN"], variables["NATS_MONITOR"] = clusterListen, "127.0.0.1:-1"
	variables["NATS_STORE"] = t.TempDir()
	for variable, value := range variables {
		t.Setenv(variable, strconv.Quote(value))
	}
	t.Setenv("NATS_ROUTES", b.routes)
	o, err := server.ProcessConfigFile("nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	o.NoLog, o.NoSigs = true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

// address is where the i-th server takes clients.
func (b *bus) address(i int) string { return b.servers[i].Addr().String() }

// dial connects to the i-th server, with certificates if there are any.
func (b *bus) dial(t *testing.T, i int, certificates ...certificate) (*nats.Conn, error) {
	t.Helper()
	config := &tls.Config{RootCAs: poolOf(t, b.authority), MinVersion: tls.VersionTLS13}
	for _, each := range certificates {
		config.Certificates = append(config.Certificates, each.pair(t))
	}
	nc, err := nats.Connect("tls://"+b.address(i), nats.Secure(config), nats.NoReconnect(), nats.Timeout(patience), nats.ErrorHandler(silent))
	if err == nil {
		t.Cleanup(nc.Close)
	}
	return nc, err
}

// silent drops what tests ask for with LastError.
func silent(*nats.Conn, *nats.Subscription, error) {}

// as connects to the i-th server as a role.
func (b *bus) as(t *testing.T, i int, role string) *nats.Conn {
	t.Helper()
	nc, err := b.dial(t, i, issue(t, b.authority, mtls.DefaultDomain, role))
	if err != nil {
		t.Fatalf("connect to server %d as %s: %v", i, role, err)
	}
	return nc
}

// freePorts are ports that nobody listens to. They are held until all are known.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
