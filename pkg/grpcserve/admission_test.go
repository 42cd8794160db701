package grpcserve_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/credentials"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/h2conn"
	"github.com/chancery-auth/chancery/pkg/mtls"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// refusals are what a server has refused, by reason.
type refusals struct {
	mu sync.Mutex
	by map[string]int
}

func (r *refusals) note(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.by[reason]++
}

func (r *refusals) of(reason string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.by[reason]
}

// admitting is a server that certificates may come to, and others.
type admitting struct {
	mesh
	address  string
	refused  *refusals
	stranger *tls.Config
}

func newAdmitting(t *testing.T, a grpcserve.Admission) *admitting {
	t.Helper()
	e := &admitting{mesh: newMesh(t), refused: &refusals{by: map[string]int{}}}
	options := quiet()
	options.Identify = grpcserve.ByCertificate(domain)
	options.Admission, options.Refused = a, e.refused.note
	server, err := grpcserve.NewServer(options, credentials.NewTLS(e.identity(domain, "token").ServerTLS(mtls.IfGiven)))
	if err != nil {
		t.Fatal(err)
	}
	(&script{exchange: func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		return &tokenv1.ExchangeResponse{}, nil
	}}).register(server)
	e.address, _ = serve(t, server)
	e.stranger = without(e.known())
	e.stranger.NextProtos = []string{"h2"}
	return e
}

// strange connects from an address of the loopback network without a certificate,
// and sends a request that is not finished. It returns nil if it is not let in.
func (e *admitting) strange(from string) *peer {
	e.t.Helper()
	dialer := tls.Dialer{NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}, Config: e.stranger}
	conn, err := dialer.DialContext(e.t.Context(), "tcp", e.address)
	if err != nil {
		return nil // in TLS 1.3 the end may also show later
	}
	e.t.Cleanup(func() { conn.Close() })
	p := &peer{t: e.t, conn: conn, framer: http2.NewFramer(conn, conn)}
	_, err = conn.Write([]byte(http2.ClientPreface))
	err = errors.Join(err, p.framer.WriteSettings(),
		p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headersOf(e.t, tokenv1.TokenService_Exchange_FullMethodName), EndHeaders: true}))
	in := err == nil && p.until(func(f http2.Frame) bool { _, ok := f.(*http2.SettingsFrame); return ok })
	if !in {
		return nil
	}
	return p
}

func (e *admitting) known() *tls.Config { return e.identity(domain, "gateway").ClientTLS("token") }

// call makes a call on a new connection.
func (e *admitting) call(as *tls.Config) error {
	e.t.Helper()
	to := target(e.address)
	to.TLS = as
	_, err := tokenv1.NewTokenServiceClient(connect(e.t, to, "")).Exchange(e.t.Context(), &tokenv1.ExchangeRequest{})
	return err
}

func TestN324_StrangersHaveAQuarterOfTheConnections(t *testing.T) {
	e := newAdmitting(t, grpcserve.Admission{Connections: 40, PerSource: 24})
	in := 0
	for range 20 {
		if e.strange("127.0.0.2") != nil {
			in++
		}
	}
	if in != 6 || e.refused.of(h2conn.Source) != 14 {
		t.Errorf("%d of one source are in and %v refused, want 6, a quarter of 24", in, e.refused.by)
	}
	for range 6 {
		if e.strange("127.0.0.3") != nil {
			in++
		}
	}
	// They share the ten places that are a quarter of 40.
	if in != 11 || e.refused.of(h2conn.Fairness) != 1 || e.refused.of(h2conn.Full) != 1 {
		t.Errorf("%d were let in and %v refused, want 11, one of whom gave way", in, e.refused.by)
	}
	// A third source gets in all the same, and so does everybody with a certificate.
	if err := e.call(e.stranger); err != nil || e.refused.of(h2conn.Fairness) != 2 {
		t.Errorf("another source: %v, refused %v", err, e.refused.by)
	}
	for range 20 {
		if err := e.call(e.known()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestN324_UnfinishedRequestIsEndedAndOthersAreAnswered(t *testing.T) {
	e := newAdmitting(t, grpcserve.Admission{ReceiveTimeout: 200 * time.Millisecond})
	p := e.strange("127.0.0.2")
	if p == nil {
		t.Fatal("it is not let in")
	}
	if err := e.call(e.stranger); err != nil {
		t.Error(err)
	}
	if p.until(func(http2.Frame) bool { return false }) || e.refused.of(h2conn.ReceiveTimeout) != 1 {
		t.Errorf("it is not ended: %v", e.refused.by)
	}
	if err := errors.Join(e.call(e.stranger), e.call(e.known())); err != nil {
		t.Error(err)
	}
	if got := maps.Clone(e.refused.by); len(got) != 1 {
		t.Errorf("refused %v, want the one", got)
	}
}

// A place is free again when its connection has ended.
func TestN324_PlacesBecomeFree(t *testing.T) {
	e := newAdmitting(t, grpcserve.Admission{Connections: 16, PerSource: 16})
	for range 3 {
		var list []*peer
		waitFor(t, func() bool {
			if p := e.strange("127.0.0.2"); p != nil {
				list = append(list, p)
			}
			return len(list) == 4
		})
		if e.strange("127.0.0.2") != nil {
			t.Fatal("a fifth is let in")
		}
		for _, p := range list {
			p.conn.Close()
		}
	}
}

// The server of another caller is not slowed down by the one that floods: it is
// closed, or told to be calm.
func TestN330_FloodsEndTheirConnectionAlone(t *testing.T) {
	e := newAdmitting(t, grpcserve.Admission{})
	for name, send := range map[string]func(p *peer, stream uint32) error{
		"rapid reset": func(p *peer, stream uint32) error {
			return errors.Join(
				p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: headersOf(t, tokenv1.TokenService_Exchange_FullMethodName), EndHeaders: true}),
				p.framer.WriteRSTStream(stream, http2.ErrCodeCancel))
		},
		"settings": func(p *peer, _ uint32) error { return p.framer.WriteSettings() },
		"pings":    func(p *peer, _ uint32) error { return p.framer.WritePing(false, [8]byte{}) },
	} {
		p := e.strange("127.0.0.2")
		if p == nil {
			t.Fatal("it is not let in")
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			p.until(func(f http2.Frame) bool { _, away := f.(*http2.GoAwayFrame); return away })
		}()
		sent, over := 0, false
		for stream := uint32(3); !over && sent < 10_000_000; stream += 2 {
			sent++
			over = send(p, stream) != nil
			select {
			case <-ended:
				over = true
			default:
			}
		}
		if !over {
			t.Errorf("%s: %d were taken", name, sent)
		}
		<-ended
		if err := e.call(e.stranger); err != nil {
			t.Errorf("%s: another caller: %v", name, err)
		}
	}
}

// Who connects from many sources, and says nothing, keeps no certificate out: what has
// begun the longest ago gives way.
func TestN324_ConnectionsThatSayNothingKeepNobodyOut(t *testing.T) {
	const most = 8
	e := newAdmitting(t, grpcserve.Admission{Connections: most, PerSource: most})
	for i := range 2 * most {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i+1))}}
		conn, err := dialer.DialContext(t.Context(), "tcp", e.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	to := target(e.address)
	to.TLS = e.known()
	if _, err := tokenv1.NewTokenServiceClient(connect(t, to, "")).Exchange(ctx, &tokenv1.ExchangeRequest{}); err != nil {
		t.Errorf("a caller with a certificate: %v; refused %v", err, e.refused.by)
	}
}

// A customer of a provider has thousands of /64s. All of them together are one who
// gives way to another, and there the /64 does that has the most.
func TestN324_ManyBlocksOfOneNetworkGiveWay(t *testing.T) {
	var crowd []string
	for i := range 16 {
		crowd = append(crowd, fmt.Sprintf("2001:db8:1:%x::/64", i))
	}
	got := grpcserve.Enter(16, append(crowd, "2001:db8:2::/64", "192.0.2.1/32")...)
	if got["2001:db8:2::/64"] != 1 || got["192.0.2.1/32"] != 1 || len(got) != 16 {
		t.Errorf("in place are %v, want both that came last", got)
	}
	got = grpcserve.Enter(4, crowd[0], crowd[1], crowd[1], crowd[1], "192.0.2.1/32")
	if got[crowd[0]] != 1 || got[crowd[1]] != 2 || got["192.0.2.1/32"] != 1 {
		t.Errorf("in place are %v, want one of the /64 with three to have gone", got)
	}
}
