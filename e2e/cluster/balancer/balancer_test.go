package balancer_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chancery-auth/chancery/e2e/cluster/balancer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gateway is a backend that counts, and whose readiness a test decides.
type gateway struct {
	server, internal *httptest.Server
	unready          atomic.Bool
	got              atomic.Int64
	last             atomic.Pointer[http.Request]
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{}
	g.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.got.Add(1)
		g.last.Store(r)
		if r.URL.Path == "/die" {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.Copy(w, r.Body)
	}))
	g.internal = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if g.unready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(g.server.Close)
	t.Cleanup(g.internal.Close)
	return g
}

func (g *gateway) backend() balancer.Backend {
	return balancer.Backend{Address: g.server.Listener.Addr().String(), Internal: g.internal.Listener.Addr().String()}
}

// start starts a balancer, and waits until so many gateways are ready.
func start(t *testing.T, ready int, o balancer.Options) (*balancer.Balancer, string) {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	b := balancer.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { b.Watch(ctx); close(done) }()
	server := httptest.NewServer(b)
	t.Cleanup(func() { server.Close(); cancel(); <-done })
	waitReady(t, b, ready)
	return b, server.URL
}

func waitReady(t *testing.T, b *balancer.Balancer, n int) {
	t.Helper()
	deadline, tick := time.After(10*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for b.Ready() != n {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d gateways are ready, want %d", b.Ready(), n)
		}
	}
}

const body = "hello"

// send posts the body, and returns the status and what came back.
func send(t *testing.T, url string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", "192.0.2.7")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode >= 500 && resp.Header.Get("Retry-After") == "" {
		t.Errorf("status %d without Retry-After", resp.StatusCode)
	}
	return resp.StatusCode, string(content)
}

func TestRequestsAreShared(t *testing.T) {
	a, b := newGateway(t), newGateway(t)
	_, url := start(t, 2, balancer.Options{Backends: []balancer.Backend{a.backend(), b.backend()}})
	for range 10 {
		if status, answer := send(t, url); status != http.StatusOK || answer != body {
			t.Fatalf("%d %q", status, answer)
		}
	}
	if a.got.Load() == 0 || b.got.Load() == 0 || a.got.Load()+b.got.Load() != 10 {
		t.Errorf("%d and %d requests", a.got.Load(), b.got.Load())
	}
	if from := a.last.Load().Header.Values("X-Forwarded-For"); len(from) != 1 || from[0] != "127.0.0.1" {
		t.Errorf("X-Forwarded-For = %q, want the address of the client alone", from)
	}
}

func TestDrainingGatewayGetsNothing(t *testing.T) {
	a, b := newGateway(t), newGateway(t)
	lb, url := start(t, 2, balancer.Options{Backends: []balancer.Backend{a.backend(), b.backend()}, CheckPeriod: time.Millisecond})
	a.unready.Store(true)
	waitReady(t, lb, 1)
	before := a.got.Load()
	for range 4 {
		if status, _ := send(t, url); status != http.StatusOK {
			t.Errorf("status %d", status)
		}
	}
	if a.got.Load() != before {
		t.Error("the gateway got a request after it was known not to be ready")
	}
}

func TestGatewayThatCannotBeReachedIsNotTheAnswer(t *testing.T) {
	gone := newGateway(t)
	closed := gone.backend()
	gone.server.Close()
	alive := newGateway(t)
	_, url := start(t, 2, balancer.Options{Backends: []balancer.Backend{closed, alive.backend()}, CheckPeriod: time.Hour})
	for range 4 {
		if status, answer := send(t, url); status != http.StatusOK || answer != body {
			t.Errorf("%d %q, want the other gateway's answer", status, answer)
		}
	}
}

func TestRequestThatMayHaveArrivedIsNotSentAgain(t *testing.T) {
	a, b := newGateway(t), newGateway(t)
	_, url := start(t, 2, balancer.Options{Backends: []balancer.Backend{a.backend(), b.backend()}, CheckPeriod: time.Hour})
	if status, _ := send(t, url+"/die"); status != http.StatusBadGateway {
		t.Errorf("status %d, want 502", status)
	}
	if n := a.got.Load() + b.got.Load(); n != 1 {
		t.Errorf("%d gateways got the request", n)
	}
}

func TestGatewayThatHasJustBecomeReadyIsFound(t *testing.T) {
	g := newGateway(t)
	g.unready.Store(true)
	b, url := start(t, 0, balancer.Options{Backends: []balancer.Backend{g.backend()}, CheckPeriod: time.Hour})
	if status, _ := send(t, url); status != http.StatusServiceUnavailable {
		t.Errorf("status %d while it is not ready, want 503", status)
	}
	g.unready.Store(false)
	if status, _ := send(t, url); status != http.StatusOK || b.Ready() != 1 {
		t.Errorf("status %d, %d ready, want 200 and one", status, b.Ready())
	}
}

func TestNobodyReady(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	_, url := start(t, 0, balancer.Options{Backends: []balancer.Backend{{Address: nobody, Internal: nobody}}})
	if status, _ := send(t, url); status != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", status)
	}
}
