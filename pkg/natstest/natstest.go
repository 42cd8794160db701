// Package natstest gives a test a NATS server of its own, embedded in the test
// process and without JetStream.
package natstest

import (
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// startTimeout bounds a start that usually needs a few milliseconds.
const startTimeout = 10 * time.Second

const loopback = "127.0.0.1"

// New starts a server on a free port of the loopback and returns its URL. It
// is stopped when the test ends.
func New(t testing.TB) string {
	t.Helper()
	return NewServer(t).URL()
}

// Server can be stopped and started again, on the same port.
type Server struct {
	url  string
	port int
	s    *server.Server // nil while stopped
}

// NewServer is [New] for tests that take the server away.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{port: server.RANDOM_PORT}
	s.Start(t)
	s.url = s.s.ClientURL()
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
	ns, err := server.NewServer(&server.Options{Host: loopback, Port: s.port, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	if !ns.ReadyForConnections(startTimeout) {
		ns.Shutdown()
		t.Fatal("nats server is not ready")
	}
	s.s = ns
	if addr, ok := ns.Addr().(*net.TCPAddr); ok {
		s.port = addr.Port
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
