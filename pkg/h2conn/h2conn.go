// Package h2conn stands between an HTTP/2 server and a connection, and bounds what
// the peer can make the server hold and do: memory for requests, the time that a
// request takes to arrive, and frames that ask for nothing.
//
// It reads the headers of frames and nothing else. The servers of grpc-go and Go
// bound none of this by themselves: grpc-go gives each stream a window of 64 KiB
// or more, waits for the rest of a message without an end, and acknowledges every
// SETTINGS frame.
package h2conn

import (
	"errors"
	"math"
	"net"
	"sync"
	"time"
)

const (
	// streamCost is what a request costs in bytes beside its content: headers,
	// the goroutine that waits for it.
	streamCost = 16 << 10
	// frameCost is what a frame with content costs beside that. Frames of one byte
	// cost grpc-go about as much.
	frameCost = 256
	// readSize bounds what a connection may take at once beyond its limit.
	readSize = 16 << 10
	// Floor is what each connection may hold, whatever the others do.
	Floor = 64 << 10
	// idleFrames is how many more frames that ask for nothing than requests that
	// were answered a connection may carry.
	idleFrames = 256
)

// Why a connection is refused, or ended.
const (
	// Full: there are as many as may be.
	Full = "full"
	// Source: its source has as many as it may.
	Source = "source"
	// Fairness: it was of the source that had the most, and gave way to another's.
	Fairness = "fairness"
	// ReceiveTimeout: a request took too long to arrive.
	ReceiveTimeout = "receive_timeout"
	// Flood: too many frames that ask for nothing.
	Flood = "flood"
)

// Reasons are all of them.
func Reasons() []string { return []string{Full, Source, Fairness, ReceiveTimeout, Flood} }

// ErrEnded is returned to the server for a connection that was ended here.
var ErrEnded = errors.New("the peer asks too much of the connection")

// Pool is the memory that connections share. It is safe for concurrent use.
type Pool struct {
	mu   sync.Mutex
	free *sync.Cond
	most int64
	held int64
}

// NewPool returns a pool of so many bytes. Zero: without a bound.
func NewPool(most int64) *Pool {
	if most <= 0 {
		most = math.MaxInt64
	}
	p := &Pool{most: most}
	p.free = sync.NewCond(&p.mu)
	return p
}

// Held is how much of the pool is in use, in bytes.
func (p *Pool) Held() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}

// Options are the limits of a connection.
type Options struct {
	// Pool has the memory for requests, from their first byte until they are
	// answered. A connection that holds more than [Floor] waits while it is used up.
	Pool *Pool
	// Most is how much of it this one may hold, in bytes, while there are requests of
	// it to be answered. Where none has arrived yet it may hold more: to wait for
	// their ends and not read them would be to wait forever. Zero: without a bound.
	Most int64
	// ReceiveTimeout bounds how long a request takes to arrive. Zero: without a bound.
	ReceiveTimeout time.Duration
	// CountPings counts PING among the frames that ask for nothing, for a server
	// that does not watch them itself.
	CountPings bool
	// Relays says that the peer hands on the requests of others. It may cancel any
	// number of them: who gives up is not the one whose connection would end.
	Relays bool
	// Ended is told why a connection was ended: [ReceiveTimeout] or [Flood]. Nil:
	// nobody is.
	Ended func(reason string)
}

// Conn is the server's side of a connection.
type Conn struct {
	net.Conn

	o       Options
	in, out scanner
	fresh   []*stream // begun since the last read, which the reader alone uses

	// The rest is guarded by the pool.
	streams    map[uint32]*stream
	last       uint32 // the highest of them so far
	held       int64
	due        int // streams that have arrived, and whose answer has not begun
	idle, done int
	flooded    bool
	closed     bool
}

// stream is a request that was not answered yet.
type stream struct {
	held     int64
	arrived  bool
	due      bool // its answer, which has not begun
	deadline *time.Timer
}

// New returns c with limits. Nothing was read from it yet.
func New(c net.Conn, o Options) *Conn {
	if o.Pool == nil {
		o.Pool = NewPool(0)
	}
	if o.Most <= 0 {
		o.Most = math.MaxInt64
	}
	return &Conn{Conn: c, o: o, in: scanner{skip: prefaceSize}, streams: map[uint32]*stream{}}
}

// Read implements net.Conn. It waits while the connection holds too much. Fails with
// [ErrEnded] for a connection that was ended here.
func (c *Conn) Read(p []byte) (int, error) {
	most := c.wait()
	if most == 0 {
		return 0, ErrEnded
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), most)])
	if !c.take(p[:n]) {
		c.end(Flood)
		return 0, ErrEnded
	}
	return n, err
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.o.Pool.mu.Lock()
	defer c.o.Pool.mu.Unlock()
	c.out.scan(p[:n], c.sent)
	return n, err
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.shut()
	return c.Conn.Close()
}

// shut gives back what the connection holds. It reports whether that was not done
// before.
func (c *Conn) shut() bool {
	c.o.Pool.mu.Lock()
	defer c.o.Pool.mu.Unlock()
	first := !c.closed
	c.closed = true
	for id := range c.streams {
		c.release(id)
	}
	c.o.Pool.free.Broadcast()
	return first
}

// end closes the connection for a reason.
func (c *Conn) end(reason string) {
	if c.shut() && c.o.Ended != nil {
		c.o.Ended(reason)
	}
	c.Conn.Close()
}

// wait returns how much may be read, once anything may: 0 where the connection was
// ended. A frame that has begun is counted already, and may always end.
func (c *Conn) wait() (most int64) {
	pool := c.o.Pool
	pool.mu.Lock()
	defer pool.mu.Unlock()
	for !c.closed && c.full() && c.in.skip == 0 {
		pool.free.Wait()
	}
	switch {
	case c.closed:
		return 0
	case c.full():
		return c.in.skip
	default:
		return readSize
	}
}

// full says whether the connection has to wait for others, or for answers.
func (c *Conn) full() bool {
	return c.held >= Floor && (c.held >= c.o.Most && c.due > 0 || c.o.Pool.held >= c.o.Pool.most)
}

// take counts what has arrived, and reports whether it may go on.
func (c *Conn) take(p []byte) bool {
	c.o.Pool.mu.Lock()
	defer c.o.Pool.mu.Unlock()
	c.in.scan(p, c.received)
	for _, s := range c.fresh {
		if !s.arrived && !c.closed && c.o.ReceiveTimeout > 0 {
			s.deadline = time.AfterFunc(c.o.ReceiveTimeout, func() { c.late(s) })
		}
	}
	c.fresh = c.fresh[:0]
	return !c.flooded
}

// late ends the connection whose request has not arrived in time.
func (c *Conn) late(s *stream) {
	c.o.Pool.mu.Lock()
	arrived := s.arrived
	c.o.Pool.mu.Unlock()
	if !arrived {
		c.end(ReceiveTimeout)
	}
}

// received counts a frame of the peer.
func (c *Conn) received(f frame) {
	s := c.streams[f.stream]
	idle := false
	switch f.kind {
	case frameHeaders:
		if s == nil && f.stream > c.last && !c.closed {
			c.last = f.stream
			s = &stream{}
			c.streams[f.stream] = s
			c.fresh = append(c.fresh, s)
			c.hold(s, streamCost)
		}
		c.hold(s, f.length)
	case frameData:
		c.hold(s, f.length+frameCost)
		idle = f.length == 0 && !f.ends()
	case frameReset:
		c.release(f.stream)
		idle = !c.o.Relays
	case frameSettings:
		idle = f.flags&flagAck == 0
	case framePing:
		idle = c.o.CountPings && f.flags&flagAck == 0
	case frameWindow, frameContinue: // The servers bound them.
	default: // PRIORITY, and what no client sends
		idle = true
	}
	if s != nil && f.ends() && !s.arrived {
		c.due++
		s.due = true
		s.arrive()
	}
	if idle {
		c.idle++
		c.flooded = c.flooded || c.idle > idleFrames+c.done
	}
}

// sent counts a frame of the server.
func (c *Conn) sent(f frame) {
	if f.ends() {
		c.done++
	}
	switch s := c.streams[f.stream]; {
	case f.ends() || f.kind == frameReset:
		c.release(f.stream)
	case s != nil && f.kind == frameHeaders:
		c.begun(s)
	}
}

// begun notes that a request is being answered, which may take forever.
func (c *Conn) begun(s *stream) {
	if s.due {
		s.due = false
		c.due--
		c.o.Pool.free.Broadcast()
	}
}

// hold charges a request, if it is one, with n bytes.
func (c *Conn) hold(s *stream, n int64) {
	if s == nil || c.closed {
		return
	}
	s.held += n
	c.held += n
	c.o.Pool.held += n
}

// release gives back what a request holds, if it is one.
func (c *Conn) release(id uint32) {
	s := c.streams[id]
	if s == nil {
		return
	}
	delete(c.streams, id)
	c.begun(s)
	s.arrive()
	c.held -= s.held
	c.o.Pool.held -= s.held
	c.o.Pool.free.Broadcast()
}

// arrive ends the wait for a request.
func (s *stream) arrive() {
	s.arrived = true
	if s.deadline != nil {
		s.deadline.Stop()
	}
}
