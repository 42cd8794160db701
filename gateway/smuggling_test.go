package gateway_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/chancery-auth/chancery/gateway"
)

// listening is a server of the gateway that counts requests.
type listening struct {
	address string
	tls     *tls.Config // of a client; nil for plain HTTP
	served  *atomic.Int64
}

// onEach runs the test on a plain server, and on one with TLS.
func onEach(t *testing.T, test func(t *testing.T, s listening)) {
	// Its certificate is the one that httptest has.
	certified := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(certified.Close)
	client := certified.Client().Transport.(*http.Transport).TLSClientConfig
	client.ServerName = "example.com"
	for name, config := range map[string]struct{ server, client *tls.Config }{
		"HTTP": {}, "TLS": {&tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12}, client},
	} {
		t.Run(name, func(t *testing.T) {
			var served atomic.Int64
			server, err := gateway.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				served.Add(1)
				body, _ := io.ReadAll(r.Body)
				w.Header().Set("Proto", r.Proto)
				if secure := r.TLS != nil; secure != (config.server != nil) {
					t.Errorf("a request has TLS: %v", secure)
				}
				_, _ = w.Write(body)
			}), config.server, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- server.Serve(gateway.Listen(server, l)) }()
			t.Cleanup(func() {
				if err := errors.Join(server.Close(), <-ended); !errors.Is(err, http.ErrServerClosed) {
					t.Errorf("Serve() = %v", err)
				}
			})
			test(t, listening{l.Addr().String(), config.client, &served})
		})
	}
}

func (s listening) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if s.tls != nil {
		conn = tls.Client(conn, s.tls)
	}
	return conn
}

// statuses sends on one connection, and returns how each answer begins. It wants the
// server to close the connection after the last.
func (s listening) statuses(t *testing.T, sent string) string {
	t.Helper()
	conn := s.dial(t)
	if _, err := io.WriteString(conn, sent); err != nil {
		t.Fatal(err)
	}
	var all []string
	for r := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(r, nil)
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			return strings.Join(all, " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		text := resp.Status[:3]
		if resp.StatusCode == http.StatusOK {
			text += ":" + string(body)
		}
		all = append(all, text)
	}
}

const (
	smuggled = "GET /smuggled HTTP/1.1\r\nHost: as.test\r\n\r\n"
	tokenTop = "POST /oauth/token HTTP/1.1\r\nHost: as.test\r\n"
	closing  = "Connection: close\r\n"
)

func TestN243_SmuggledBodies(t *testing.T) {
	onEach(t, func(t *testing.T, s listening) {
		for name, rest := range map[string]string{
			"length and coding":        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"coding and length":        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
			"two lengths":              "Content-Length: 3\r\nContent-Length: 4\r\n\r\na=bc",
			"one length twice":         "Content-Length: 3\r\nContent-Length: 3\r\n\r\na=b",
			"an unknown coding":        "Transfer-Encoding: xchunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n",
			"line feeds alone":         "Content-Length: 3\n\na=b",
			"one line feed alone":      "X: a\nContent-Length: 3\r\n\r\na=b",
			"a carriage return alone":  "X: a\rContent-Length: 3\r\n\r\na=b",
			"a folded field":           "X: a\r\n b\r\nContent-Length: 3\r\n\r\na=b",
			"a NUL in a field":         "X: \x00\r\nContent-Length: 3\r\n\r\na=b",
			"a space before the colon": "Content-Length : 3\r\n\r\na=b",
		} {
			if got := s.statuses(t, tokenTop+rest+smuggled); got != "400" {
				t.Errorf("%s: answers %q, want one of 400", name, got)
			}
			if n := s.served.Swap(0); n != 0 {
				t.Errorf("%s: %d requests were served", name, n)
			}
		}
		for name, tt := range map[string]struct{ sent, want string }{
			"a length":     {tokenTop + "Content-Length: 3\r\n" + closing + "\r\na=b", "200:a=b"},
			"chunks":       {tokenTop + "Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n", "200:a=b"},
			"after chunks": {tokenTop + "Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n" + smuggled, "200:a=b"},
			"one after another": {
				tokenTop + "Content-Length: 3\r\n\r\na=b" + tokenTop + "\r\n" + tokenTop + closing + "Content-Length: 1\r\n\r\nc", "200:a=b 200: 200:c",
			},
			"bad after good": {tokenTop + "Content-Length: 3\r\n\r\na=b" + tokenTop + "X: a\r\n b\r\n\r\n" + smuggled, "200:a=b 400"},
		} {
			if got := s.statuses(t, tt.sent); got != tt.want {
				t.Errorf("%s: answers %q, want %q", name, got, tt.want)
			}
		}
	})
}

// A client that does nothing keeps nobody waiting, and HTTP/2 is spoken over TLS alone.
func TestN256_ClientsChooseTheirProtocol(t *testing.T) {
	onEach(t, func(t *testing.T, s listening) {
		s.dial(t)
		for _, two := range []bool{false, true} {
			transport := &http.Transport{TLSClientConfig: s.tls.Clone(), ForceAttemptHTTP2: two}
			t.Cleanup(transport.CloseIdleConnections)
			scheme, want := "http", "HTTP/1.1"
			if s.tls != nil {
				scheme = "https"
				if two {
					want = "HTTP/2.0"
				}
			}
			for range 3 {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, scheme+"://"+s.address+"/", strings.NewReader("a=b"))
				if err != nil {
					t.Fatal(err)
				}
				resp, err := transport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if got := resp.Header.Get("Proto"); got != want || string(body) != "a=b" || err != nil {
					t.Errorf("%s: body %q, %v, want %s", got, body, err, want)
				}
			}
		}
	})
}

// What is no TLS ends its own connection alone.
func TestN256_NoTLSIsNoAnswer(t *testing.T) {
	onEach(t, func(t *testing.T, s listening) {
		if s.tls == nil {
			return
		}
		plain := s
		plain.tls = nil
		if got := plain.statuses(t, tokenTop+closing+"\r\n"); got != "" {
			t.Errorf("answers %q", got)
		}
		if got := s.statuses(t, tokenTop+closing+"\r\n"); got != "200:" {
			t.Errorf("answers %q over TLS", got)
		}
	})
}
