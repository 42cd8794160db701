package gateway

import (
	"crypto/tls"
	"net/http"
	"time"
)

// Server returns an HTTP server for handler with the time and size limits of the
// public listener. A nil tlsConfig is for a listener behind a proxy that
// terminates TLS; any other is tightened to TLS 1.2 with forward secrecy and
// authenticated encryption. The caller starts it and shuts it down.
func Server(handler http.Handler, tlsConfig *tls.Config) *http.Server {
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
		return s
	}
	s.TLSConfig = tlsConfig.Clone()
	s.TLSConfig.MinVersion = max(tls.VersionTLS12, tlsConfig.MinVersion)
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
	return s
}
