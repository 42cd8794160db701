package eventtest

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// startTimeout bounds a start that usually needs a few milliseconds.
const startTimeout = 10 * time.Second

// Server is a NATS server with JetStream in the test process, on a free port of
// the loopback and a folder of its own. It can be stopped and started again.
type Server struct {
	options server.Options
	s       *server.Server // nil while stopped
	url     string
}

// NewServer starts a server, which is stopped when the test ends.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{options: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, JetStream: true, StoreDir: t.TempDir(),
	}}
	s.Start(t)
	t.Cleanup(s.Stop)
	return s
}

// URL stays the same over stop and start.
func (s *Server) URL() string { return s.url }

// Start starts the server unless it runs, and waits until it accepts clients.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if s.s != nil {
		return
	}
	o := s.options
	ns, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	if !ns.ReadyForConnections(startTimeout) {
		ns.Shutdown()
		t.Fatal("nats server is not ready")
	}
	s.s, s.url = ns, ns.ClientURL()
	if addr, ok := ns.Addr().(*net.TCPAddr); ok {
		s.options.Port = addr.Port
	}
}

// Stop disconnects every client. It is a no-op while the server is stopped.
func (s *Server) Stop() {
	if s.s == nil {
		return
	}
	s.s.Shutdown()
	s.s.WaitForShutdown()
	s.s = nil
}

// LoseFiles deletes everything that the server keeps, and returns the folder. The
// server must be stopped.
func (s *Server) LoseFiles(t testing.TB) string {
	t.Helper()
	if err := os.RemoveAll(s.options.StoreDir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.options.StoreDir, 0o700); err != nil {
		t.Fatal(err)
	}
	return s.options.StoreDir
}

// Connect returns a connection that reconnects fast, and is closed when the test
// ends.
func (s *Server) Connect(t testing.TB) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.URL(), nats.ReconnectWait(10*time.Millisecond), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// JetStream is [Server.Connect] for JetStream.
func (s *Server) JetStream(t testing.TB) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(s.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	return js
}
