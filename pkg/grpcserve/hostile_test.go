package grpcserve_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// peer speaks HTTP/2 frame by frame, as no library would.
type peer struct {
	t      *testing.T
	conn   net.Conn
	framer *http2.Framer
}

func newPeer(t *testing.T, address string) *peer {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	// A test that waits for what does not come fails.
	timer := time.AfterFunc(time.Minute, func() { conn.Close() })
	t.Cleanup(func() { timer.Stop() })
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	p := &peer{t, conn, http2.NewFramer(conn, conn)}
	p.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := p.framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return p
}

// until reads frames until done, or the connection ends.
func (p *peer) until(done func(http2.Frame) bool) bool {
	for {
		frame, err := p.framer.ReadFrame()
		if err != nil {
			return false
		}
		if done(frame) {
			return true
		}
	}
}

// headersOf are those of a call, encoded.
func headersOf(t *testing.T, path string) []byte {
	t.Helper()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range [][2]string{
		{":method", "POST"},
		{":scheme", "http"},
		{":path", path},
		{":authority", "token"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
		{callerHeader, "gateway"},
	} {
		if err := encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			t.Fatal(err)
		}
	}
	return block.Bytes()
}

// call sends a call with an empty request.
func (p *peer) call(stream uint32, path string) {
	p.t.Helper()
	err := errors.Join(
		p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: headersOf(p.t, path), EndHeaders: true}),
		p.framer.WriteData(stream, true, make([]byte, 5)),
	)
	if err != nil {
		p.t.Fatal(err)
	}
}

func TestN260_PathWithoutASlashIsRefused(t *testing.T) {
	ran := 0
	_, address, _ := newServer(t, &script{exchange: func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		ran++
		return &tokenv1.ExchangeResponse{}, nil
	}})
	for path, want := range map[string]string{
		"/chancery.token.v1.TokenService/Exchange":  "0",
		"chancery.token.v1.TokenService/Exchange":   "12",
		"//chancery.token.v1.TokenService/Exchange": "12",
		"/chancery.token.v1.TokenService/Exchange/": "12",
		"/Exchange": "12", "/": "12",
	} {
		ran = 0
		p := newPeer(t, address)
		p.call(1, path)
		status := ""
		p.until(func(f http2.Frame) bool {
			headers, ok := f.(*http2.MetaHeadersFrame)
			if !ok {
				return false
			}
			for _, field := range headers.Fields {
				if field.Name == "grpc-status" {
					status = field.Value
				}
			}
			return headers.StreamEnded()
		})
		if status != want || (ran == 1) != (want == "0") {
			t.Errorf("%q: status %q, ran %d times, want %q", path, status, ran, want)
		}
	}
}

func TestN262_PingFloodIsEnded(t *testing.T) {
	_, address, _ := newServer(t, &script{})
	p := newPeer(t, address)
	for range 8 {
		if err := p.framer.WritePing(false, [8]byte{}); err != nil {
			break // it has been ended already
		}
	}
	calm := p.until(func(f http2.Frame) bool {
		goAway, ok := f.(*http2.GoAwayFrame)
		return ok && goAway.ErrCode == http2.ErrCodeEnhanceYourCalm
	})
	if !calm {
		t.Error("the connection is not ended with ENHANCE_YOUR_CALM")
	}
}

func TestN262_StreamsOfAConnectionHaveALimit(t *testing.T) {
	hold := make(chan struct{})
	_, address, _ := newServer(t, &script{exchange: func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		<-hold
		return &tokenv1.ExchangeResponse{}, nil
	}})
	defer close(hold)
	p := newPeer(t, address)
	var said uint32
	p.until(func(f http2.Frame) bool {
		settings, ok := f.(*http2.SettingsFrame)
		if ok && !settings.IsAck() {
			said, _ = settings.Value(http2.SettingMaxConcurrentStreams)
		}
		return ok && !settings.IsAck()
	})
	if said != 256 {
		t.Errorf("the server says that %d streams are allowed, want 256", said)
	}
	for i := range uint32(257) {
		p.call(2*i+1, tokenv1.TokenService_Exchange_FullMethodName)
	}
	var refused uint32
	p.until(func(f http2.Frame) bool {
		reset, ok := f.(*http2.RSTStreamFrame)
		if ok && reset.ErrCode == http2.ErrCodeRefusedStream {
			refused = reset.StreamID
		}
		return ok
	})
	if want := uint32(2*256 + 1); refused != want {
		t.Errorf("stream %d is refused, want %d, the 257th", refused, want)
	}
}
