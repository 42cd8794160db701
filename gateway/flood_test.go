package gateway_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/http2"

	"github.com/chancery-auth/chancery/gateway"
	"github.com/chancery-auth/chancery/pkg/h2conn"
)

// Who floods the edge is closed, and others are served on the same port.
func TestN330_FloodsEndTheirConnectionAlone(t *testing.T) {
	var mu sync.Mutex
	refused := map[string]int{}
	server := httptest.NewUnstartedServer(nil)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	config, err := gateway.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Proto != "HTTP/2.0" || r.TLS == nil || r.Context().Value(http.LocalAddrContextKey) == nil {
			t.Errorf("request of %s, TLS %v", r.Proto, r.TLS)
		}
		w.WriteHeader(http.StatusNoContent)
	}), server.TLS, nil, func(reason string) {
		mu.Lock()
		defer mu.Unlock()
		refused[reason]++
	})
	if err != nil {
		t.Fatal(err)
	}
	edge := httptest.NewUnstartedServer(nil)
	edge.Config, edge.TLS = config, config.TLSConfig
	edge.EnableHTTP2 = false // it is the server's own
	edge.StartTLS()
	t.Cleanup(edge.Close)
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig
	get := func() error {
		transport := &http.Transport{TLSClientConfig: roots.Clone(), ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, edge.URL, nil)
		if err != nil {
			return err
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent {
			return errors.New(resp.Status)
		}
		return nil
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	block := []byte{0x82, 0x87, 0x84, 0x41, 0x01, 'x'} // GET https://x/
	floods := map[string]func(f *http2.Framer, stream uint32) error{
		"rapid reset": func(f *http2.Framer, stream uint32) error {
			return errors.Join(
				f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block, EndHeaders: true}),
				f.WriteRSTStream(stream, http2.ErrCodeCancel))
		},
		"settings": func(f *http2.Framer, _ uint32) error { return f.WriteSettings() },
		"pings":    func(f *http2.Framer, _ uint32) error { return f.WritePing(false, [8]byte{}) },
	}
	for name, send := range floods {
		if sent := flood(t, edge.Listener.Addr().String(), roots, send); sent > 100_000 {
			t.Errorf("%s: %d were taken", name, sent)
		}
		if err := get(); err != nil {
			t.Errorf("%s: another client: %v", name, err)
		}
	}
	if mu.Lock(); refused[h2conn.Flood] != len(floods) || len(refused) != 1 {
		t.Errorf("refused %v, want each flood", refused)
	}
}

// flood sends frames until the connection ends, and returns how many.
func flood(t *testing.T, address string, roots *tls.Config, send func(*http2.Framer, uint32) error) (sent int) {
	t.Helper()
	config := roots.Clone()
	config.NextProtos = []string{"h2"}
	conn, err := (&tls.Dialer{Config: config}).DialContext(context.WithoutCancel(t.Context()), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	framer := http2.NewFramer(conn, conn)
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			if _, err := framer.ReadFrame(); err != nil {
				return
			}
		}
	}()
	for stream := uint32(1); sent < 1_000_000; stream += 2 {
		if sent++; send(framer, stream) != nil {
			return sent
		}
	}
	return sent
}

// A proxy has the requests of many people on one connection. Those who give up, however
// many, end no request of another.
func TestN330_AProxyMayCancelForManyPeople(t *testing.T) {
	plain := httptest.NewUnstartedServer(nil)
	plain.StartTLS()
	t.Cleanup(plain.Close)
	begun, finish := make(chan string, 1), make(chan struct{})
	release := sync.OnceFunc(func() { close(finish) })
	config, err := gateway.Server(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun <- r.URL.Path
		if r.URL.Path == "/patient" {
			<-finish
			return
		}
		<-r.Context().Done()
	}), plain.TLS, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config, server.TLS = config, config.TLSConfig
	server.StartTLS()
	t.Cleanup(server.Close)
	t.Cleanup(release)
	proxy := &http.Transport{TLSClientConfig: plain.Client().Transport.(*http.Transport).TLSClientConfig.Clone(), ForceAttemptHTTP2: true}
	t.Cleanup(proxy.CloseIdleConnections)
	get := func(ctx context.Context, path string) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
		if err != nil {
			return err
		}
		resp, err := proxy.RoundTrip(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	patient := make(chan error, 1)
	go func() { patient <- get(t.Context(), "/patient") }()
	<-begun
	for range 1000 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = get(ctx, "/hasty") // it is cancelled
		}()
		select {
		case <-begun:
		case err := <-patient:
			cancel()
			t.Fatalf("the request that waits ends with %v", err)
		}
		cancel()
		<-ended
	}
	release()
	if err := <-patient; err != nil {
		t.Errorf("the request that waits: %v", err)
	}
}
