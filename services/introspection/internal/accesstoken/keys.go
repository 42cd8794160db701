package accesstoken

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/chancery-auth/chancery/pkg/credential"
)

const (
	// reloadGap is the least time between two reads of the key set that tokens
	// cause. Anybody can write a token that names a key nobody has.
	reloadGap     = time.Second
	reloadTimeout = 2 * time.Second
	// maxWaiters bounds the requests that wait for one read.
	maxWaiters = 256
)

var errBusy = errors.New("too many requests wait for the sealing keys")

// Fetch reads the key set from its owner.
type Fetch func(ctx context.Context) (*credential.Sealer, error)

// Keys is the key set in use. It is safe for concurrent use.
type Keys struct {
	fetch   Fetch
	now     func() time.Time
	current atomic.Pointer[credential.Sealer] // nil until loaded
	waiters atomic.Int64

	flight singleflight.Group // of one key: fetches never overlap
	// Of the last fetch; only a flight touches them.
	fetchTime time.Time
	fetchErr  error
}

// NewKeys returns an empty key set.
func NewKeys(fetch Fetch, now func() time.Time) *Keys { return &Keys{fetch: fetch, now: now} }

// Load reads the key set. It keeps the old one when that fails.
func (k *Keys) Load(ctx context.Context) error { return k.fly(ctx, k.load) }

// Loaded says whether there is a key set.
func (k *Keys) Loaded() bool { return k.current.Load() != nil }

// reload is [Keys.Load] for a token that names an unknown key. What the last
// read said stands for a second: a key is published well before it seals.
func (k *Keys) reload(ctx context.Context) error {
	return k.fly(ctx, func(ctx context.Context) error {
		if age := k.now().Sub(k.fetchTime); age >= 0 && age < reloadGap {
			return k.fetchErr
		}
		return k.load(ctx)
	})
}

// fly runs f, or waits for the one that runs. A caller who leaves does not end
// it for the others.
func (k *Keys) fly(ctx context.Context, f func(context.Context) error) error {
	defer k.waiters.Add(-1)
	if k.waiters.Add(1) > maxWaiters {
		return errBusy
	}
	done := k.flight.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reloadTimeout)
		defer cancel()
		return nil, f(ctx)
	})
	select {
	case result := <-done:
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *Keys) load(ctx context.Context) error {
	k.fetchTime = k.now()
	sealer, err := k.fetch(ctx)
	if err != nil {
		k.fetchErr = fmt.Errorf("read sealing keys: %w", err)
		return k.fetchErr
	}
	k.fetchErr = nil
	k.current.Store(sealer)
	return nil
}
