package grpcserve

import (
	"cmp"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/chancery-auth/chancery/pkg/h2conn"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
)

const (
	// strangerShare is the part of each limit that callers without a certificate
	// have, where there are certificates: one in so many.
	strangerShare = 4
	// Bounds of what one connection may hold of the memory.
	knownMost    = 8 << 20
	strangerMost = 2 * maxReceiveBytes
	// shakeTimeout is how long a connection may take until it can carry calls.
	shakeTimeout = 10 * time.Second
)

// Admission bounds what connections make a server hold. Zero is no bound.
type Admission struct {
	// Connections is how many there may be in all, and PerSource from one address
	// (of IPv6, one /64). Those whose callers are not known yet count by themselves.
	Connections, PerSource int
	// Memory is for requests, from their first byte until they are answered.
	Memory int64
	// ReceiveTimeout bounds how long a request takes to arrive.
	ReceiveTimeout time.Duration
}

// guard admits connections. Callers without a certificate have a room of their
// own, a quarter as large: they take nothing from the others.
type guard struct {
	credentials.TransportCredentials

	timeout                   time.Duration
	refused                   func(reason string)
	shaking, strangers, known *room

	mu sync.Mutex // of the rooms
}

// room is connections of one kind.
type room struct {
	most, perSource int
	connMost        int64
	pool            *h2conn.Pool
	entries         map[*entry]bool
	sources         map[string]int
}

func newRoom(a Admission, share int, connMost int64) *room {
	return &room{
		most: a.Connections / share, perSource: a.PerSource / share, connMost: connMost,
		pool: h2conn.NewPool(a.Memory / int64(share)), entries: map[*entry]bool{}, sources: map[string]int{},
	}
}

func newGuard(o Options, creds credentials.TransportCredentials) *guard {
	g := &guard{
		TransportCredentials: creds, timeout: o.Admission.ReceiveTimeout, refused: o.Refused,
		shaking: newRoom(o.Admission, 1, 0), known: newRoom(o.Admission, 1, knownMost),
		strangers: newRoom(o.Admission, strangerShare, strangerMost),
	}
	if g.refused == nil {
		g.refused = func(string) {}
	}
	return g
}

// errNotAdmitted is returned for a connection that there is no room for.
var errNotAdmitted = errors.New("no room for the connection")

// ServerHandshake implements credentials.TransportCredentials. Only now it is known
// who calls.
func (g *guard) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := g.TransportCredentials.ServerHandshake(raw)
	e, ok := raw.(*entry)
	if err != nil || !ok {
		return conn, info, err
	}
	to := g.known
	if t, ok := info.(credentials.TLSInfo); ok && len(t.State.PeerCertificates) == 0 {
		to = g.strangers
	}
	if !g.enter(e, to) {
		conn.Close()
		return nil, nil, errNotAdmitted
	}
	return h2conn.New(conn, h2conn.Options{Pool: to.pool, Most: to.connMost, ReceiveTimeout: g.timeout, Relays: to == g.known, Ended: g.refused}), info, nil
}

// listen admits the connections of lis.
func (g *guard) listen(lis net.Listener) net.Listener { return guarded{lis, g} }

type guarded struct {
	net.Listener
	guard *guard
}

// Accept implements net.Listener.
func (l guarded) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		e := newEntry(conn, l.guard, blockOf(conn.RemoteAddr()))
		if l.guard.enter(e, l.guard.shaking) {
			return e, nil
		}
		conn.Close()
	}
}

// entry is an admitted connection.
type entry struct {
	net.Conn
	guard   *guard
	source  string
	network string // of the source: what one customer of a provider has
	begun   uint64 // in the order in which they came
	in      *room  // nil before and after; guarded by guard
}

// came is how many connections have come.
var came atomic.Uint64

func newEntry(conn net.Conn, g *guard, source string) *entry {
	return &entry{Conn: conn, guard: g, source: source, network: cmp.Or(ratelimit.Network(source), source), begun: came.Add(1)}
}

// Close implements net.Conn.
func (e *entry) Close() error {
	e.guard.mu.Lock()
	e.leave()
	e.guard.mu.Unlock()
	return e.Conn.Close()
}

// enter moves a connection into a room, and reports whether it has place. In a full
// one the network that has the most connections gives way, and while nothing is known
// of any, what has come first: it had the most time to show a certificate.
func (g *guard) enter(e *entry, to *room) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if to.perSource > 0 && to.sources[e.source] >= to.perSource {
		g.refused(h2conn.Source)
		return false
	}
	if to.most > 0 && len(to.entries) >= to.most {
		other := to.crowd(e.network)
		if other == nil && to == g.shaking {
			other = to.first()
		}
		if other == nil {
			g.refused(h2conn.Full)
			return false
		}
		g.refused(h2conn.Fairness)
		other.leave()
		other.Conn.Close()
	}
	e.leave()
	e.in = to
	to.entries[e] = true
	to.sources[e.source]++
	return true
}

// leave takes a connection out of its room.
func (e *entry) leave() {
	if e.in == nil {
		return
	}
	delete(e.in.entries, e)
	if e.in.sources[e.source]--; e.in.sources[e.source] == 0 {
		delete(e.in.sources, e.source)
	}
	e.in = nil
}

// crowd is a connection of the network that has the most, and there of the source that
// has. It is nil if the network has no more than the other would then have.
func (r *room) crowd(than string) (of *entry) {
	networks := make(map[string]int)
	for e := range r.entries {
		networks[e.network]++
	}
	crowd, most := "", networks[than]+1
	for network, n := range networks {
		if n > most {
			crowd, most = network, n
		}
	}
	for e := range r.entries {
		if crowd != "" && e.network == crowd && (of == nil || r.sources[e.source] > r.sources[of.source]) {
			of = e
		}
	}
	return of
}

// first is the connection that came first.
func (r *room) first() (first *entry) {
	for e := range r.entries {
		if first == nil || e.begun < first.begun {
			first = e
		}
	}
	return first
}
