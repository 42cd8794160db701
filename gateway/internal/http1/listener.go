package http1

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"
)

// Listen returns a listener for [http.Server.Serve] of s, whose connections let
// through what has one reading. Where s has a TLS configuration, it speaks TLS, and
// HTTP/2 with clients that choose that.
func Listen(s *http.Server, l net.Listener) net.Listener {
	if s.TLSConfig == nil {
		return plainListener{l}
	}
	t := &tlsListener{Listener: l, server: s, accepted: make(chan accepted), closed: make(chan struct{})}
	go t.acceptAll()
	return t
}

type plainListener struct{ net.Listener }

// Accept implements net.Listener.
func (l plainListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}

type accepted struct {
	conn net.Conn
	err  error
}

type tlsListener struct {
	net.Listener
	server   *http.Server
	accepted chan accepted
	close    sync.Once
	closed   chan struct{}
}

// Accept implements net.Listener.
func (l *tlsListener) Accept() (net.Conn, error) {
	select {
	case a := <-l.accepted:
		return a.conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *tlsListener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// acceptAll ends with the listener. One handshake does not wait for another.
func (l *tlsListener) acceptAll() {
	for {
		c, err := l.Listener.Accept()
		if err == nil {
			go l.handshake(tls.Server(c, l.server.TLSConfig))
			continue
		}
		l.hand(accepted{err: err})
		if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

func (l *tlsListener) handshake(c *tls.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), l.server.ReadHeaderTimeout)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		cmp.Or(l.server.ErrorLog, log.Default()).Printf("TLS handshake with %s: %v", c.RemoteAddr(), err)
		_ = c.Close()
		return
	}
	if c.ConnectionState().NegotiatedProtocol == "h2" {
		l.hand(accepted{conn: c})
		return
	}
	l.hand(accepted{conn: &secured{conn{Conn: c}, c}})
}

// secured also says which TLS it has, which the server asks.
type secured struct {
	conn
	tls *tls.Conn
}

// ConnectionState returns that of the connection below.
func (s *secured) ConnectionState() tls.ConnectionState { return s.tls.ConnectionState() }

// hand gives to the caller of Accept, or to nobody once the listener is closed.
func (l *tlsListener) hand(a accepted) {
	select {
	case l.accepted <- a:
	case <-l.closed:
		if a.conn != nil {
			_ = a.conn.Close()
		}
	}
}
