package coherent

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// hintSubject carries restrictions to every replica.
	hintSubject = "chancery.restriction"
	// hintSize is how many restrictions go into one message, far below the
	// greatest payload of a server.
	hintSize = 256
)

// Hints brings restrictions to other replicas before their next poll. A hint
// may be lost, repeated, delayed or forged: it can only take away, and nothing
// is correct because one arrived. A nil *Hints does nothing.
type Hints struct {
	nc   *nats.Conn
	keep time.Duration
	log  *slog.Logger
}

// NewHints returns hints that travel over nc, which the caller closes. They
// are kept by who receives them for the same time as rows of the log are.
func NewHints(nc *nats.Conn, keep time.Duration, log *slog.Logger) *Hints {
	return &Hints{nc: nc, keep: keep, log: log}
}

// Publish sends restrictions whose transaction has committed. It does not wait
// for anyone to receive them, and a failure is only logged.
func (h *Hints) Publish(ctx context.Context, rs ...Restriction) {
	if h == nil {
		return
	}
	for chunk := range slices.Chunk(rs, hintSize) {
		if err := h.nc.Publish(hintSubject, encodeHint(h.keep, chunk)); err != nil {
			h.log.WarnContext(ctx, "restriction hint is not sent", slog.Any("error", err))
			return
		}
	}
}

// Subscribe joins every hint into state until ctx ends. Call it before
// [Replica.Run]. Without a connection to the server it takes effect once there
// is one.
func (h *Hints) Subscribe(ctx context.Context, state *State) error {
	if h == nil {
		return nil
	}
	sub, err := h.nc.Subscribe(hintSubject, func(m *nats.Msg) {
		if keep, rs, err := decodeHint(m.Data); err == nil {
			state.joinHint(keep, rs)
		}
	})
	if err != nil {
		return fmt.Errorf("subscribe to hints: %w", err)
	}
	context.AfterFunc(ctx, func() {
		// It fails when the connection is closed, which ends the subscription too.
		_ = sub.Unsubscribe()
	})
	return nil
}
