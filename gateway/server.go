package gateway

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/net/http2"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/internal/http1"
	"github.com/chancery-auth/chancery/pkg/h2conn"
)

// Server returns an HTTP server for handler with the time and size limits of the
// public listener. A nil tlsConfig is for a listener behind a proxy that
// terminates TLS; any other is tightened to TLS 1.2 with forward secrecy and
// authenticated encryption. Proxies are those that hand on the requests of others, as
// in [Config]. Refused is told why a connection was ended: see h2conn.Reasons. The caller starts the server on a listener of [Listen], and shuts it
// down.
func Server(handler http.Handler, tlsConfig *tls.Config, proxies []netip.Prefix, refused func(reason string)) (*http.Server, error) {
	s := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       60 * time.Second,
		// A bound for memory: the edge counts exactly.
		MaxHeaderBytes:               32 << 10,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: 128},
		DisableGeneralOptionsHandler: true,
	}
	if tlsConfig == nil {
		return s, nil
	}
	s.TLSConfig = tlsConfig.Clone()
	s.TLSConfig.MinVersion = max(tls.VersionTLS12, tlsConfig.MinVersion)
	s.TLSConfig.NextProtos = []string{"h2", "http/1.1"}
	s.TLSConfig.Renegotiation = tls.RenegotiateNever
	// RFC 9325 §4.2; those of TLS 1.3 are all of this kind and cannot be chosen.
	s.TLSConfig.CipherSuites = []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
	return s, watchFrames(s, proxies, refused)
}

// Listen returns what a server of [Server] has to serve on (its Serve, also for TLS): it
// refuses requests of HTTP/1.1 that a proxy may read in another way.
func Listen(s *http.Server, l net.Listener) net.Listener { return http1.Listen(s, l) }

// watchFrames ends HTTP/2 connections that flood the server with frames that ask for
// nothing. net/http answers each of them.
func watchFrames(s *http.Server, proxies []netip.Prefix, refused func(reason string)) error {
	var h2 http2.Server                                   //nolint:staticcheck // net/http takes no connection but its own.
	if err := http2.ConfigureServer(s, &h2); err != nil { //nolint:staticcheck // as above
		return err
	}
	s.TLSNextProto[http2.NextProtoTLS] = func(_ *http.Server, conn *tls.Conn, handler http.Handler) {
		// The handler has the context of the connection, by a method that net/http
		// has for this alone.
		ctx := context.Background()
		if base, ok := handler.(interface{ BaseContext() context.Context }); ok {
			ctx = base.BaseContext()
		}
		relays := edge.Trusts(proxies, edge.AddressOf(conn.RemoteAddr().String()))
		watched := watchedConn{h2conn.New(conn, h2conn.Options{CountPings: true, Relays: relays, Ended: refused}), conn}
		h2.ServeConn(watched, &http2.ServeConnOpts{Context: ctx, BaseConfig: s, Handler: handler}) //nolint:staticcheck // as above
	}
	return nil
}

// watchedConn also says which TLS it has, which the server asks.
type watchedConn struct {
	*h2conn.Conn
	tls *tls.Conn
}

// ConnectionState returns that of the connection below.
func (c watchedConn) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }
