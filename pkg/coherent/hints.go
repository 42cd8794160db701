package coherent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// hintSubject carries restrictions to every replica. It is fixed: nothing
	// that a user chooses is ever part of a subject.
	hintSubject = "chancery.restriction"
	// hintKeySize is that of the key, in bytes.
	hintKeySize = 32
	// maxPending and maxPendingBytes bound what waits to be joined. What comes
	// on top is dropped, and the polls bring it.
	maxPending      = 1 << 14
	maxPendingBytes = 32 << 20
)

var errHintKey = errors.New("key of hints must have 32 bytes")

// HintOptions adjusts [Hints].
type HintOptions struct {
	// Keep is how long whoever receives a hint keeps it: as long as rows of the
	// log are kept (see [Restriction.Keep]).
	Keep time.Duration
	// Key authenticates hints: 32 random bytes, the same in every process. Nil
	// only where the bus does not leave the process.
	Key []byte
	// Log is told when hints are lost on this side. Default: nobody.
	Log *slog.Logger
}

// Hints brings restrictions to other replicas before their next poll. A hint
// may be lost, repeated, delayed or forged: it can only take away, and nothing
// is correct because one arrived. It is safe for concurrent use, and a nil
// *Hints does nothing.
type Hints struct {
	nc   *nats.Conn
	keep time.Duration
	key  hintKey
	log  *slog.Logger

	sub                             atomic.Pointer[nats.Subscription] // nil until subscribed
	sent, received, refused, unsent atomic.Int64
}

// HintStats counts messages, each of one or more restrictions.
type HintStats struct {
	Sent, Received int64
	// Refused counts what was not authentic, or not readable by this release.
	Refused int64
	// Dropped counts what was lost on this side: it could not be sent, or came
	// faster than it could be joined.
	Dropped int64
}

// NewHints returns hints that travel over nc, which the caller closes.
func NewHints(nc *nats.Conn, o HintOptions) *Hints {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Hints{nc: nc, keep: o.Keep, key: o.Key, log: o.Log}
}

// Publish sends restrictions whose transaction has committed. It does not wait
// for anyone to receive them, and a failure is only logged.
func (h *Hints) Publish(ctx context.Context, rs ...Restriction) {
	if h == nil {
		return
	}
	for len(rs) > 0 {
		var message []byte
		message, rs = h.key.encode(h.keep, rs)
		if err := h.nc.Publish(hintSubject, message); err != nil {
			h.unsent.Add(1)
			h.log.WarnContext(ctx, "restriction hint is not sent", slog.Any("error", err))
			return
		}
		h.sent.Add(1)
	}
}

// Subscribe joins every hint into the state of r until ctx ends. Call it once,
// before [Replica.Run]. Without a connection to the server it takes effect once
// there is one. It adds to the error handler of the connection, which whoever
// sets one later has to keep. Fails for a key of the wrong size.
func (h *Hints) Subscribe(ctx context.Context, r *Replica) error {
	if h == nil {
		return nil
	}
	if h.key != nil && len(h.key) != hintKeySize {
		return errHintKey
	}
	sub, err := h.nc.Subscribe(hintSubject, func(m *nats.Msg) { h.receive(m.Data, r) })
	if err != nil {
		return fmt.Errorf("subscribe to hints: %w", err)
	}
	if err := sub.SetPendingLimits(maxPending, maxPendingBytes); err != nil {
		return fmt.Errorf("bound pending hints: %w", err)
	}
	h.sub.Store(sub)
	h.watch(ctx, sub, r)
	context.AfterFunc(ctx, func() {
		// It fails when the connection is closed, which ends the subscription too.
		_ = sub.Unsubscribe()
	})
	return nil
}

// receive joins one message. It never changes the lease: that a hint came says
// nothing about those that did not. What is authentic and cannot be joined is
// from a newer release, and the log may say more: it is asked now.
func (h *Hints) receive(message []byte, r *Replica) {
	keep, rs, err := h.key.decode(message)
	if err != nil {
		h.refused.Add(1)
	} else {
		h.received.Add(1)
	}
	whole := r.state.joinHint(keep, rs)
	if errors.Is(err, errUnreadable) || !whole {
		r.Nudge()
	}
}

// watch asks for a poll as soon as hints are dropped.
func (h *Hints) watch(ctx context.Context, sub *nats.Subscription, r *Replica) {
	next := h.nc.ErrorHandler()
	h.nc.SetErrorHandler(func(nc *nats.Conn, s *nats.Subscription, err error) {
		if s == sub && errors.Is(err, nats.ErrSlowConsumer) {
			r.Nudge()
			h.log.WarnContext(ctx, "restriction hints are dropped: they come faster than they are joined")
		}
		if next != nil {
			next(nc, s, err)
		}
	})
}

// Stats returns what was counted so far.
func (h *Hints) Stats() HintStats {
	if h == nil {
		return HintStats{}
	}
	stats := HintStats{
		Sent: h.sent.Load(), Received: h.received.Load(), Refused: h.refused.Load(), Dropped: h.unsent.Load(),
	}
	if sub := h.sub.Load(); sub != nil {
		// It fails once the subscription has ended.
		if dropped, err := sub.Dropped(); err == nil {
			stats.Dropped += int64(dropped)
		}
	}
	return stats
}
