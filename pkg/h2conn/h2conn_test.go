package h2conn_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"github.com/chancery-auth/chancery/pkg/h2conn"
)

// pair is a connection between a peer, who writes frames, and a server that reads
// all that it may.
type pair struct {
	t      *testing.T
	peer   net.Conn
	frames *http2.Framer // of the peer
	conn   *h2conn.Conn
	server *http2.Framer
	got    bytes.Buffer // what the server has read
	ended  chan error   // how reading ended
	why    []string     // what Ended was told
	pool   *h2conn.Pool
	writes chan func() error // of the peer
}

// newPair is to be called in a bubble of synctest.
func newPair(t *testing.T, o h2conn.Options) *pair {
	t.Helper()
	peer, raw := net.Pipe()
	if o.Pool == nil {
		o.Pool = h2conn.NewPool(0)
	}
	p := &pair{t: t, peer: peer, frames: http2.NewFramer(peer, peer), pool: o.Pool, ended: make(chan error, 1)}
	o.Ended = func(reason string) { p.why = append(p.why, reason) }
	p.conn = h2conn.New(raw, o)
	p.server = http2.NewFramer(p.conn, p.conn)
	go func() {
		_, err := io.Copy(&p.got, struct{ io.Reader }{p.conn})
		p.ended <- err
	}()
	go func() { _, _ = io.Copy(io.Discard, struct{ io.Reader }{peer}) }()
	p.writes = make(chan func() error, 1000)
	go func() {
		for write := range p.writes {
			_ = write() // it fails once the connection has ended
		}
	}()
	t.Cleanup(func() { peer.Close(); _ = p.conn.Close(); close(p.writes) })
	p.write(func() error { _, err := io.WriteString(peer, http2.ClientPreface); return err })
	p.write(func() error { return p.frames.WriteSettings() })
	return p
}

// write writes as the peer, after what it wrote before. It returns once the server
// has read that, or reads no further.
func (p *pair) write(write func() error) {
	p.t.Helper()
	p.writes <- write
	synctest.Wait()
}

func (p *pair) begin(stream uint32) {
	p.write(func() error {
		return p.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte{0x83}, EndHeaders: true})
	})
}

func (p *pair) data(stream uint32, size int, end bool) {
	p.write(func() error { return p.frames.WriteData(stream, end, make([]byte, size)) })
}

// answer answers a request, as the server.
func (p *pair) answer(stream uint32) {
	p.t.Helper()
	go func() {
		_ = p.server.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte{0x88}, EndHeaders: true, EndStream: true})
	}()
	synctest.Wait()
}

// over reports whether the connection was ended, and why.
func (p *pair) over() (string, bool) {
	select {
	case err := <-p.ended:
		if !errors.Is(err, h2conn.ErrEnded) {
			p.t.Errorf("Read() = %v, want ErrEnded", err)
		}
		return strings.Join(p.why, ","), true
	default:
		return "", false
	}
}

func TestRequestsHoldMemoryUntilTheyAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, h2conn.Options{})
		p.begin(1)
		p.data(1, 1000, false)
		p.begin(3)
		p.data(3, 1000, true)
		held := p.pool.Held()
		if held < 2*1000 || held > 2*(32<<10) {
			t.Errorf("two requests of 1000 bytes hold %d", held)
		}
		p.answer(3)
		if got := p.pool.Held(); got != held/2 {
			t.Errorf("one of two requests holds %d, want %d", got, held/2)
		}
		p.data(3, 1000, true) // late, of no request
		p.begin(3)            // as are trailers
		if got := p.pool.Held(); got != held/2 {
			t.Errorf("what follows an answer holds %d", got-held/2)
		}
		p.write(func() error { return p.frames.WriteRSTStream(1, http2.ErrCodeCancel) })
		if got := p.pool.Held(); got != 0 {
			t.Errorf("no request holds %d", got)
		}
		p.begin(5)
		_ = p.conn.Close()
		if got := p.pool.Held(); got != 0 {
			t.Errorf("a closed connection holds %d", got)
		}
	})
}

// Frames of one byte cost a server a hundred times as much as they hold.
func TestN324_ManyFramesCostMoreThanTheirContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, h2conn.Options{})
		p.begin(1)
		before := p.pool.Held()
		for range 100 {
			p.data(1, 1, false)
		}
		if got := p.pool.Held() - before; got < 100*100 {
			t.Errorf("100 frames of a byte hold %d", got)
		}
	})
}

func TestN324_ConnectionThatHoldsTooMuchIsReadNoFurther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, h2conn.Options{Most: 200_000})
		for stream := uint32(1); stream < 64; stream += 2 {
			p.begin(stream)
			p.data(stream, 16_000, true)
		}
		held := p.pool.Held()
		if held < 200_000 || held > 200_000+40_000 {
			t.Errorf("the connection holds %d, want about 200,000", held)
		}
		// Each answer lets it go on: in the end everything has come.
		for stream := uint32(1); stream < 64; stream += 2 {
			p.answer(stream)
		}
		if got := p.pool.Held(); got != 0 || p.got.Len() < 32*16_000 {
			t.Errorf("at the end it holds %d, and %d bytes have come", got, p.got.Len())
		}
	})
}

// A client writes its requests side by side, so that they may all be unfinished. To
// read no further would be to wait for what is not read.
func TestN324_RequestsSideBySideArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, h2conn.Options{Most: 200_000, ReceiveTimeout: time.Second})
		for part := range 4 {
			for stream := uint32(1); stream < 64; stream += 2 {
				if part == 0 {
					p.begin(stream)
				}
				p.data(stream, 4_000, part == 3)
				if part == 3 && stream > 1 {
					p.answer(stream - 2)
				}
			}
		}
		if why, over := p.over(); over || p.got.Len() < 32*16_000 {
			t.Errorf("%d bytes have come, and the connection was ended for %q", p.got.Len(), why)
		}
	})
}

// Where the pool is used up, who holds little goes on.
func TestN324_WhoHoldsLittleIsNotHeldUpByOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool := h2conn.NewPool(100_000)
		greedy, modest := newPair(t, h2conn.Options{Pool: pool}), newPair(t, h2conn.Options{Pool: pool})
		for stream := uint32(1); stream < 64; stream += 2 {
			greedy.begin(stream)
			greedy.data(stream, 16_000, false)
		}
		if got := pool.Held(); got < 100_000 || got > 140_000 {
			t.Errorf("the pool holds %d, want about 100,000", got)
		}
		before := modest.got.Len()
		modest.begin(1)
		modest.data(1, 1000, true)
		if modest.got.Len() < before+1000 {
			t.Error("the other connection is not read")
		}
		had := greedy.got.Len()
		modest.answer(1)
		_ = greedy.conn.Close()
		if got := pool.Held(); got != 0 {
			t.Errorf("at the end the pool holds %d", got)
		}
		if greedy.got.Len() != had {
			t.Error("the greedy connection was read on")
		}
	})
}

func TestN324_RequestThatDoesNotArriveEndsItsConnection(t *testing.T) {
	for name, tt := range map[string]struct {
		request func(*pair)
		ends    bool
	}{
		"nothing comes":  {func(*pair) {}, false},
		"it has arrived": {func(p *pair) { p.begin(1); p.data(1, 5, true) }, false},
		"it is cancelled": {func(p *pair) {
			p.begin(1)
			p.write(func() error { return p.frames.WriteRSTStream(1, http2.ErrCodeCancel) })
		}, false},
		"it is answered":      {func(p *pair) { p.begin(1); p.answer(1) }, false},
		"its end is missing":  {func(p *pair) { p.begin(1); p.data(1, 5, false) }, true},
		"it drips":            {func(p *pair) { p.begin(1); p.data(1, 5, false); <-time.After(9 * time.Second); p.data(1, 5, false) }, true},
		"only headers come":   {func(p *pair) { p.begin(1) }, true},
		"another has arrived": {func(p *pair) { p.begin(1); p.begin(3); p.data(3, 5, true) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPair(t, h2conn.Options{ReceiveTimeout: 10 * time.Second})
				limit := time.NewTimer(10*time.Second - time.Nanosecond)
				tt.request(p)
				<-limit.C
				synctest.Wait()
				if why, over := p.over(); over {
					t.Errorf("it is ended before the time, for %q", why)
				}
				<-time.After(time.Nanosecond)
				synctest.Wait()
				if len(p.why) > 0 != tt.ends || tt.ends && p.why[0] != h2conn.ReceiveTimeout {
					t.Errorf("it was ended for %q, want it to be ended: %v", p.why, tt.ends)
				}
			})
		})
	}
}

func TestN330_FloodsOfFramesEndTheirConnection(t *testing.T) {
	ping := func(p *pair, _ uint32) error { return p.frames.WritePing(false, [8]byte{}) }
	for name, tt := range map[string]struct {
		send  func(p *pair, stream uint32) error
		pings bool
		ends  bool
	}{
		"rapid reset": {func(p *pair, stream uint32) error {
			return errors.Join(
				p.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte{0x83}, EndHeaders: true, EndStream: true}),
				p.frames.WriteRSTStream(stream, http2.ErrCodeCancel))
		}, false, true},
		"settings":         {func(p *pair, _ uint32) error { return p.frames.WriteSettings() }, false, true},
		"priorities":       {func(p *pair, stream uint32) error { return p.frames.WritePriority(stream, http2.PriorityParam{}) }, false, true},
		"empty data":       {func(p *pair, _ uint32) error { return p.frames.WriteData(1, false, nil) }, false, true},
		"unknown frames":   {func(p *pair, _ uint32) error { return p.frames.WriteRawFrame(0x77, 0, 0, nil) }, false, true},
		"pings":            {ping, true, true},
		"pings of no harm": {ping, false, false},
		"acknowledgements": {func(p *pair, _ uint32) error { return p.frames.WriteSettingsAck() }, false, false},
		"windows":          {func(p *pair, _ uint32) error { return p.frames.WriteWindowUpdate(0, 1) }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPair(t, h2conn.Options{CountPings: tt.pings})
				p.write(func() (err error) {
					for i := range uint32(300) {
						err = errors.Join(err, tt.send(p, 2*i+1))
					}
					return err
				})
				if why, over := p.over(); over != tt.ends || over && why != h2conn.Flood {
					t.Errorf("it was ended for %q: %v, want it to be ended: %v", why, over, tt.ends)
				}
			})
		})
	}
}

// Who also has answers may cancel.
func TestN330_ResetsAreForgivenForAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t, h2conn.Options{})
		for i := range uint32(1000) {
			p.begin(4*i + 1)
			p.data(4*i+1, 5, true)
			p.answer(4*i + 1)
			p.begin(4*i + 3)
			p.write(func() error { return p.frames.WriteRSTStream(4*i+3, http2.ErrCodeCancel) })
		}
		if why, over := p.over(); over {
			t.Errorf("it was ended for %q", why)
		}
	})
}

// Frames are found in whatever pieces they come: one byte at a time the same is held.
func TestFramesAreFoundInPieces(t *testing.T) {
	var all bytes.Buffer
	framer := http2.NewFramer(&all, nil)
	all.WriteString(http2.ClientPreface)
	for _, err := range []error{
		framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}),
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: make([]byte, 300), EndHeaders: true}),
		framer.WriteData(1, false, make([]byte, 70_000/5)),
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: make([]byte, 1), EndHeaders: true, EndStream: true}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	held := map[int64]bool{}
	for _, size := range []int{1, 2, 7, 9, 10, 23, 24, 25, 1000, all.Len()} {
		synctest.Test(t, func(t *testing.T) {
			peer, raw := net.Pipe()
			pool := h2conn.NewPool(0)
			conn := h2conn.New(raw, h2conn.Options{Pool: pool})
			go func() {
				for rest := all.Bytes(); len(rest) > 0; rest = rest[min(size, len(rest)):] {
					_, _ = peer.Write(rest[:min(size, len(rest))])
				}
				peer.Close()
			}()
			got, err := io.ReadAll(struct{ io.Reader }{conn})
			if err != nil || !bytes.Equal(got, all.Bytes()) {
				t.Errorf("in pieces of %d: %v, or other bytes", size, err)
			}
			held[pool.Held()] = true
			_ = conn.Close()
		})
	}
	if len(held) != 1 || held[0] {
		t.Errorf("by the size of the pieces, %v is held", held)
	}
}
