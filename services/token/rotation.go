package token

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/token/internal/key"
)

// Keys is how keys move. Zero values stand for the defaults.
type Keys struct {
	// RotationPeriod is how long a key is used; 720 h by default.
	RotationPeriod time.Duration
	// PublishLead is how long a key is published before it is used; 10 min by
	// default. Relying parties may keep the key set for half of it.
	PublishLead time.Duration
}

const (
	defaultRotationPeriod = 720 * time.Hour
	defaultPublishLead    = 10 * time.Minute
	// refreshPeriod bounds the time between two reads of the keys.
	refreshPeriod = 30 * time.Second
	// keyMargin is how much longer keys stay than what they made: for a replica
	// that was late to switch, and for who keeps the key set.
	keyMargin = 10 * time.Minute
)

func (k Keys) orDefault() Keys {
	if k.RotationPeriod <= 0 {
		k.RotationPeriod = defaultRotationPeriod
	}
	if k.PublishLead <= 0 {
		k.PublishLead = defaultPublishLead
	}
	return k
}

// lives is for how long what a key made is good after the key's last use.
func lives(l preset.Lifetimes) map[key.Purpose]time.Duration {
	return map[key.Purpose]time.Duration{
		key.Sealing: max(l.RefreshAbsolute, l.Code, preset.LongestAccessToken) + keyMargin,
		key.RS256:   l.IDToken + keyMargin,
		key.ES256:   l.IDToken + keyMargin,
	}
}

// Load reads the keys, and makes them when there are none yet.
func (s *Service) Load(ctx context.Context) error { return s.keys.Refresh(ctx) }

// Refresh reads the keys and the restore epoch anew. When it fails they stay as
// they are.
func (s *Service) Refresh(ctx context.Context) error { return s.keys.Refresh(ctx) }

// Run keeps the keys current and rotates them, until ctx ends; it then returns
// nil. Whichever replica is first rotates for all.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(max(min(s.cfg.Keys.PublishLead/4, refreshPeriod), time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.wake:
		}
		if err := s.turn(ctx); err != nil && ctx.Err() == nil {
			s.deps.Log.WarnContext(ctx, "keys are not refreshed", slog.Any("error", err))
		}
	}
}

// Wake makes [Service.Run] read the keys now. It does not wait.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default: // It is about to.
	}
}

// turn reads the keys, and rotates those that are due. The next key is made so
// early that it takes over at the end of the period.
func (s *Service) turn(ctx context.Context) error {
	if err := s.keys.Refresh(ctx); err != nil {
		return err
	}
	due := s.keys.Due(s.cfg.Keys.RotationPeriod - s.cfg.Keys.PublishLead)
	for _, n := range due {
		if err := s.vault.Succeed(ctx, s.cfg.Keys.PublishLead, n); err != nil && !errors.Is(err, key.ErrHasNext) {
			return err
		}
	}
	if len(due) == 0 {
		return nil
	}
	return s.keys.Refresh(ctx)
}

// KeyAges returns for how long the active key of each purpose has been in use.
func (s *Service) KeyAges() map[string]time.Duration {
	ages := make(map[string]time.Duration)
	for p, age := range s.keys.Ages() {
		ages[string(p)] = age
	}
	return ages
}
