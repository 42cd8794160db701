// Package balancer shares HTTP requests among gateways on one machine. It is
// small because it is for trying things out: what it must get right is that a
// request is sent at most once, and that a gateway which drains gets none.
package balancer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultCheckPeriod = 200 * time.Millisecond
	checkTimeout       = time.Second
	dialTimeout        = 2 * time.Second
	// attempts is how many gateways may be tried for one request.
	attempts = 2
	// replayable is the longest body, in bytes, that is kept for another
	// attempt. OAuth requests are far below.
	replayable     = 64 << 10
	idlePerGateway = 128
)

// errNoBackend is how a request fails for which nobody was there to ask.
var errNoBackend = errors.New("no gateway is ready")

// Backend is one gateway.
type Backend struct {
	Address  string // host:port that serves the requests
	Internal string // host:port that answers /readyz
}

// Options are a balancer's settings.
type Options struct {
	Backends []Backend
	// CheckPeriod is how often each gateway is asked whether it is ready. Zero
	// means 200 ms. A gateway must go on serving for longer than this after it
	// says that it is not.
	CheckPeriod time.Duration
	Log         *slog.Logger
}

// Balancer is an [http.Handler] in front of gateways.
type Balancer struct {
	o        Options
	backends []*backend
	next     atomic.Uint64
	proxy    *httputil.ReverseProxy
	forward  *http.Transport
	check    *http.Client
}

type backend struct {
	Backend
	ready atomic.Bool
}

// New makes a balancer that sends nothing to anybody until Watch has found a
// gateway ready.
func New(o Options) *Balancer {
	if o.CheckPeriod == 0 {
		o.CheckPeriod = defaultCheckPeriod
	}
	b := &Balancer{
		o: o,
		forward: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			MaxIdleConnsPerHost: idlePerGateway, IdleConnTimeout: time.Minute, DisableCompression: true,
		},
		check: &http.Client{Timeout: checkTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 1}},
	}
	for _, each := range o.Backends {
		b.backends = append(b.backends, &backend{Backend: each})
	}
	b.proxy = &httputil.ReverseProxy{
		Transport: b, ErrorHandler: b.refuse, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelInfo),
		Rewrite: func(r *httputil.ProxyRequest) {
			// What the client says of earlier proxies is dropped before.
			r.SetXForwarded()
			r.Out.Host = r.In.Host
		},
	}
	return b
}

// ServeHTTP implements [http.Handler].
func (b *Balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) { b.proxy.ServeHTTP(w, r) }

// Watch asks every gateway again and again whether it is ready, until ctx ends.
func (b *Balancer) Watch(ctx context.Context) {
	var watchers sync.WaitGroup
	for _, each := range b.backends {
		watchers.Go(func() { b.watch(ctx, each) })
	}
	watchers.Wait()
	b.forward.CloseIdleConnections()
	b.check.CloseIdleConnections()
}

func (b *Balancer) watch(ctx context.Context, each *backend) {
	tick := time.NewTicker(b.o.CheckPeriod)
	defer tick.Stop()
	for {
		if now := b.asks(ctx, each); ctx.Err() == nil && each.ready.Swap(now) != now {
			b.o.Log.InfoContext(ctx, "gateway changed", slog.String("gateway", each.Address), slog.Bool("ready", now))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// asks reports whether a gateway says that it is ready.
func (b *Balancer) asks(ctx context.Context, each *backend) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+each.Internal+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := b.check.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	return resp.StatusCode < http.StatusMultipleChoices
}

// Ready reports how many gateways were ready when they were last asked.
func (b *Balancer) Ready() int { return len(b.candidates(len(b.backends))) }

// candidates are the gateways to try, in turn, at most n.
func (b *Balancer) candidates(n int) []*backend {
	var list []*backend
	first := b.next.Add(1)
	for i := range b.backends {
		each := b.backends[(first+uint64(i))%uint64(len(b.backends))]
		if len(list) < n && each.ready.Load() {
			list = append(list, each)
		}
	}
	return list
}

// RoundTrip implements [http.RoundTripper] for the proxy. Another gateway is
// tried only if the first was certainly not sent the request.
func (b *Balancer) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := keepBody(req); err != nil {
		return nil, err
	}
	failure := errNoBackend
	list := b.candidates(attempts)
	if len(list) == 0 {
		// One may be ready that was not when it was last asked.
		for _, each := range b.backends {
			each.ready.Store(b.asks(req.Context(), each))
		}
		list = b.candidates(attempts)
	}
	for _, each := range list {
		resp, err := b.send(req, each)
		if err == nil {
			return resp, nil
		}
		failure = err
		if req.Context().Err() != nil {
			break // The client has left, which says nothing of the gateway.
		}
		each.ready.Store(false) // until it says otherwise
		if !unsent(err) || req.Body != nil && req.GetBody == nil {
			break
		}
	}
	return nil, failure
}

// send sends a copy of the request to one gateway.
func (b *Balancer) send(req *http.Request, to *backend) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.URL.Scheme, out.URL.Host = "http", to.Address
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		out.Body = body
	}
	return b.forward.RoundTrip(out)
}

// keepBody makes the body of a request one that can be sent again, unless it is
// long or of unknown length.
func keepBody(req *http.Request) error {
	if req.Body == nil || req.ContentLength <= 0 || req.ContentLength > replayable {
		return nil
	}
	content, err := io.ReadAll(req.Body)
	if err != nil {
		return err
	}
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	return nil
}

// unsent reports whether err says that there was no connection to send on.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// refuse answers for the gateways when none of them does.
func (b *Balancer) refuse(w http.ResponseWriter, r *http.Request, err error) {
	b.o.Log.WarnContext(r.Context(), "request failed", slog.String("path", r.URL.Path), slog.Any("error", err))
	status := http.StatusBadGateway
	if errors.Is(err, errNoBackend) || unsent(err) {
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Retry-After", "1")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
}
