// Package tcpproxy stands between a test and a server, and takes the network
// between them away.
package tcpproxy

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

const (
	loopback   = "127.0.0.1:0"
	bufferSize = 32 << 10
)

// Proxy forwards connections to one server. It is safe for concurrent use.
type Proxy struct {
	network, target string
	listener        net.Listener
	wg              sync.WaitGroup

	mu    sync.Mutex
	open  chan struct{} // closed while bytes may pass
	conns map[net.Conn]struct{}
	pace  time.Duration // of each buffer
}

// Start listens on a free port of the loopback and forwards to target: host and
// port, or the path of a unix socket. It ends with the test.
func Start(t testing.TB, target string) *Proxy {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", loopback)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{network: "tcp", target: target, listener: listener, open: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	if target[0] == '/' {
		p.network = "unix"
	}
	close(p.open)
	p.wg.Go(p.serve)
	t.Cleanup(func() {
		_ = listener.Close()
		p.Cut()
		p.Heal()
		p.wg.Wait()
	})
	return p
}

// Addr is where the proxy listens: host and port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// BlackHole lets no byte pass any more, in either direction. Connections stay
// open, and new ones are accepted.
func (p *Proxy) BlackHole() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
		p.open = make(chan struct{})
	default:
	}
}

// Slow lets no more than so many bytes a second pass on each connection, in either
// direction; 0 lets all pass at once.
func (p *Proxy) Slow(bytesPerSecond int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pace = 0
	if bytesPerSecond > 0 {
		p.pace = time.Second * bufferSize / time.Duration(bytesPerSecond)
	}
}

// Heal ends [Proxy.BlackHole]. What was sent meanwhile arrives now, late and in
// order, as TCP would have it.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

// Cut closes every connection. New ones are accepted.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeAll()
}

// Reset is [Proxy.Cut] by RST: both sides are told that what they have sent may be
// lost.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	}
	p.closeAll()
}

func (p *Proxy) closeAll() {
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.forward(client) })
	}
}

func (p *Proxy) forward(client net.Conn) {
	defer p.drop(client)
	var dialer net.Dialer
	server, err := dialer.DialContext(context.Background(), p.network, p.target)
	if err != nil {
		return
	}
	defer p.drop(server)
	p.keep(client, server)
	back := make(chan struct{})
	go func() {
		defer close(back)
		p.carry(client, server)
	}()
	p.carry(server, client)
	<-back
}

// carry moves bytes until one side ends, and then ends the other.
func (p *Proxy) carry(to, from net.Conn) {
	defer func() { _ = to.Close(); _ = from.Close() }()
	buffer := make([]byte, bufferSize)
	for {
		n, err := from.Read(buffer)
		time.Sleep(p.paceOf(n))
		<-p.passable()
		if _, writeErr := to.Write(buffer[:n]); writeErr != nil || err != nil {
			return
		}
	}
}

// paceOf is how long n bytes take.
func (p *Proxy) paceOf(n int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pace * time.Duration(n) / bufferSize
}

func (p *Proxy) passable() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open
}

func (p *Proxy) keep(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
}

func (p *Proxy) drop(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}
