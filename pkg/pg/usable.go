package pg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// lookPeriod is the time between two looks at a database, and lookTimeout how
	// long one may take.
	lookPeriod  = 500 * time.Millisecond
	lookTimeout = time.Second
	// convincedAfter is how long looks have to say the opposite of what the last
	// ones said: a restart of the server is over by then, mostly.
	convincedAfter = 2 * time.Second
)

var (
	errExhausted = errors.New("every connection of the pool is in use, and none comes back")
	errStandby   = errors.New("the server is a standby")
)

// Monitor knows whether requests can use the database of a pool. It is safe for
// concurrent use.
type Monitor struct {
	db       *pgxpool.Pool
	now      func() time.Time
	log      *slog.Logger
	unusable atomic.Bool

	// Of Run's goroutine:
	acquired int64     // how often a connection had been acquired at the last look
	contrary time.Time // since when looks say the opposite of unusable; zero while they do not
}

// NewMonitor returns a monitor that takes the database for usable until Run finds
// out otherwise.
func NewMonitor(db *pgxpool.Pool, now func() time.Time, log *slog.Logger) *Monitor {
	return &Monitor{db: db, now: now, log: log}
}

// Usable says whether the database has answered in the last few seconds.
func (m *Monitor) Usable() bool { return !m.unusable.Load() }

// Run looks until ctx ends; it then returns nil. It may be called once.
func (m *Monitor) Run(ctx context.Context) error {
	tick := time.NewTicker(lookPeriod)
	defer tick.Stop()
	for {
		err := m.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		m.judge(ctx, err)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look does what a request does: it takes a connection and asks. A pool without a
// free one it leaves to those who wait: whether they get any says enough, as long
// as the database counts as usable.
func (m *Monitor) look(ctx context.Context) error {
	s := m.db.Stat()
	before := m.acquired
	m.acquired = s.AcquireCount()
	if s.AcquiredConns() >= s.MaxConns() && m.Usable() {
		if m.acquired == before {
			return errExhausted
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var standby bool
	if err := m.db.QueryRow(ctx, `SELECT pg_is_in_recovery()`).Scan(&standby); err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	if standby {
		return errStandby
	}
	return nil
}

// judge changes its mind after a while in which every look says the opposite. The
// time counts from the end of the first one, so that the end of a suspension looks
// like no outage.
func (m *Monitor) judge(ctx context.Context, err error) {
	unusable := err != nil
	now := m.now()
	switch {
	case unusable == m.unusable.Load():
		m.contrary = time.Time{}
	case m.contrary.IsZero():
		m.contrary = now
	case now.Sub(m.contrary) < convincedAfter:
	default:
		m.contrary = time.Time{}
		m.unusable.Store(unusable)
		if unusable {
			m.log.WarnContext(ctx, "the database cannot be used", slog.Any("error", err))
		} else {
			m.log.InfoContext(ctx, "the database can be used again")
		}
	}
}
