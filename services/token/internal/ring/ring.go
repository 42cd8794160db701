// Package ring is the keys that one replica works with, as they come, take over
// and go.
//
// Two things have to hold. What any replica has sealed opens here from the moment
// it is returned: who meets a key that the ring does not have reads the keys anew
// before saying no. And a retired key opens nothing for long: a code or refresh
// token is opened only with keys that were read a moment ago.
package ring

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/token/internal/key"
)

// Config is what a ring works with.
type Config struct {
	Issuer   string
	Prefixes preset.Prefixes
	Vault    *key.Vault
	// RestoreEpoch reads the epoch that tokens are sealed with.
	RestoreEpoch func(context.Context) (int64, error)
	Now          func() time.Time
}

// Ring is the keys in use. It is safe for concurrent use.
type Ring struct {
	cfg     Config
	view    atomic.Pointer[view] // nil until loaded
	waiters atomic.Int64

	mu sync.Mutex
	// begun and ended count loads, which never overlap; flight runs unless nil.
	begun, ended uint64
	flight       chan struct{}
	beginTime    time.Time // of the last load
	err          error     // of the last load that ended
	// unknown bounds the loads that strangers cause: anybody can write a code that
	// names a key nobody has.
	unknown *rate.Limiter
}

const (
	// freshness bounds the age of the keys that a code or refresh token is opened
	// with, and so the time for which a retired key still opens one.
	freshness = time.Second
	// loadTimeout is long for the first load, which may have to make keys.
	loadTimeout = 10 * time.Second
	// unknownBurst is how many loads strangers may cause before they wait for one
	// in each second.
	unknownBurst = 8
)

// New returns a ring without keys. Call [Ring.Refresh] before any other method.
func New(c Config) *Ring {
	return &Ring{cfg: c, unknown: rate.NewLimiter(rate.Every(time.Second), unknownBurst)}
}

// Loaded says whether there are keys.
func (r *Ring) Loaded() bool { return r.view.Load() != nil }

// DatabaseTime is what the time of the database is by the last read and what has
// passed here since.
func (r *Ring) DatabaseTime() time.Time { return r.view.Load().databaseTime(r.cfg.Now()) }

// load reads the keys, and makes the first ones where there are none yet.
func (r *Ring) load(ctx context.Context) error {
	began := r.cfg.Now()
	last := r.view.Load()
	contents, err := r.cfg.Vault.Open(ctx)
	if err != nil {
		return err
	}
	// The instant after the read: before it, the estimate of the database's time
	// would run ahead, and a key become active too early.
	read := r.cfg.Now()
	epoch, err := r.cfg.RestoreEpoch(ctx)
	if err != nil {
		return fmt.Errorf("read restore epoch: %w", err)
	}
	next := &view{contents: contents, epoch: epoch, began: began, read: read}
	if err := r.make(next, contents.Time, last); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.view.Store(next)
	return nil
}

// current returns the keys as of now. That a key becomes active needs nobody's
// word: its time was known when it was read.
func (r *Ring) current() *view {
	v := r.view.Load()
	now := v.databaseTime(r.cfg.Now())
	if v.turn.IsZero() || now.Before(v.turn) {
		return v
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if latest := r.view.Load(); latest != v {
		return latest
	}
	turned := &view{contents: v.contents, epoch: v.epoch, began: v.began, read: v.read}
	if err := r.make(turned, now, nil); err != nil {
		return v // It cannot be: the same keys made v.
	}
	r.view.Store(turned)
	return turned
}

// view is the keys between two changes. It never changes.
type view struct {
	contents key.Contents
	epoch    int64
	// began and read are this replica's time before and after the read.
	began, read time.Time

	states []key.State // of contents.Keys
	// turn is the database's time at which another key becomes active; zero for
	// none.
	turn    time.Time
	signing signer
	sealer  *credential.Sealer
}

// databaseTime is the time of the database when it is now here.
func (v *view) databaseTime(now time.Time) time.Time {
	return v.contents.Time.Add(now.Sub(v.read))
}

// make builds what is made of the keys of v at an instant of the database, and
// takes it over from last if nothing has changed since.
func (r *Ring) make(v *view, at time.Time, last *view) (err error) {
	v.states = key.StateAt(v.contents.Keys, at)
	for i, state := range v.states {
		t := v.contents.Keys[i].ActivateTime
		if state == key.Next && (v.turn.IsZero() || t.Before(v.turn)) {
			v.turn = t
		}
	}
	if last != nil && v.sameKeys(last) {
		v.signing, v.sealer = last.signing, last.sealer
		return nil
	}
	if v.signing, err = newSigner(v); err != nil {
		return fmt.Errorf("make signing keys: %w", err)
	}
	v.sealer, err = newSealer(v, r.cfg.Issuer, r.cfg.Prefixes)
	return err
}

func (v *view) sameKeys(other *view) bool {
	return slices.Equal(v.states, other.states) &&
		slices.EqualFunc(v.contents.Keys, other.contents.Keys, func(a, b key.Key) bool { return a.ID == b.ID && a.Purpose == b.Purpose })
}

// active returns the active key of a purpose.
func (v *view) active(p key.Purpose) key.Key {
	for i, k := range v.contents.Keys {
		if k.Purpose == p && v.states[i] == key.Active {
			return k
		}
	}
	return key.Key{}
}
