package ring

import (
	"context"
	"errors"
	"time"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

const (
	// maxWaiters bounds the requests that wait for a key which nobody may have, and
	// unknownPatience for how long they do.
	maxWaiters      = 1024
	unknownPatience = 2 * time.Second
)

var errBusy = errors.New("too many requests wait for keys")

// Refresh reads the keys. Callers at once share one read, which begins after the
// call. When it fails the keys stay as they are.
func (r *Ring) Refresh(ctx context.Context) error {
	r.mu.Lock()
	load := r.begun + 1
	r.mu.Unlock()
	return r.wait(ctx, load, r.begin)
}

// freshen reads the keys unless that was done a moment ago.
func (r *Ring) freshen(ctx context.Context) error {
	r.mu.Lock()
	load := r.begun
	if r.flight == nil {
		if age := r.cfg.Now().Sub(r.view.Load().began); age >= 0 && age < freshness {
			r.mu.Unlock()
			return nil
		}
		// Of a load that failed a moment ago the error stands.
		if age := r.cfg.Now().Sub(r.beginTime); age < 0 || age >= freshness {
			load++
		}
	}
	r.mu.Unlock()
	return r.wait(ctx, load, r.begin)
}

// refreshFor is [Ring.Refresh] for who has met a key that is not in the ring. It
// may have to wait until strangers may cause another load.
func (r *Ring) refreshFor(ctx context.Context) error {
	defer r.waiters.Add(-1)
	if r.waiters.Add(1) > maxWaiters {
		return oauth.RefuseBecause(oauth.TemporarilyUnavailable, "try again later", errBusy)
	}
	ctx, cancel := context.WithTimeout(ctx, unknownPatience)
	defer cancel()
	r.mu.Lock()
	load := r.begun + 1
	r.mu.Unlock()
	return r.wait(ctx, load, func(ctx context.Context) (<-chan struct{}, <-chan time.Time) {
		if now := r.cfg.Now(); !r.unknown.AllowN(now, 1) {
			missing := 1 - r.unknown.TokensAt(now)
			return nil, time.After(time.Duration(missing * float64(time.Second)))
		}
		return r.begin(ctx)
	})
}

// wait returns once the load of that number has ended. It calls begin, under the
// lock, when it has to come and none runs: that begins one, or says when to ask
// again.
func (r *Ring) wait(ctx context.Context, load uint64, begin func(context.Context) (<-chan struct{}, <-chan time.Time)) error {
	for {
		r.mu.Lock()
		if r.ended >= load {
			defer r.mu.Unlock()
			return r.err
		}
		var running <-chan struct{} = r.flight
		var again <-chan time.Time
		if r.flight == nil {
			running, again = begin(ctx)
		}
		r.mu.Unlock()
		select {
		case <-running:
		case <-again:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// begin starts a load, which a caller who leaves does not end for the others.
func (r *Ring) begin(ctx context.Context) (<-chan struct{}, <-chan time.Time) {
	flight := make(chan struct{})
	r.flight = flight
	r.begun++
	r.beginTime = r.cfg.Now()
	go func() {
		defer close(flight)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		err := r.load(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.flight, r.ended, r.err = nil, r.begun, err
	}()
	return flight, nil
}
