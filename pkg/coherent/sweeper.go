package coherent

import (
	"context"
	"log/slog"
	"time"
)

// sweepTimeout bounds one pass over the log.
const sweepTimeout = time.Minute

// Sweeper deletes from the log what is over. One is enough for an installation;
// more do no harm.
type Sweeper struct {
	// Sweep is one pass: Sweep of coherentpg or coherentsqlite on its database.
	Sweep func(ctx context.Context) (deleted int64, err error)
	// Period is the time between two passes.
	Period time.Duration
	Log    *slog.Logger
}

// Run sweeps until ctx ends; it then returns nil. A pass that fails is logged,
// and its work is left to the next.
func (s Sweeper) Run(ctx context.Context) error {
	tick := time.NewTicker(s.Period)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.pass(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

func (s Sweeper) pass(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	deleted, err := s.Sweep(ctx)
	if err != nil {
		s.Log.WarnContext(ctx, "sweep of the restriction log fails", slog.Any("error", err))
		return
	}
	s.Log.DebugContext(ctx, "restriction log is swept", slog.Int64("deleted", deleted))
}
