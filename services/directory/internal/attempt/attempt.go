// Package attempt limits how often passwords can be guessed.
//
// Attempts are counted in the database that all replicas share. The one thing to
// get right is that nobody can lock a user out: an attempt from a device that the
// user signed in on before is counted for that device alone, and what others do
// from elsewhere never counts against it. An attempt is counted before its password
// is looked at, so that many at once are no way around a limit, and one that
// succeeds is taken back.
package attempt

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/ratelimit"
	"github.com/chancery-auth/chancery/pkg/secret"
)

// Key names what attempts are counted for, and does not tell it.
type Key [sha256.Size]byte

// KeyOf returns the key of parts. No two lists of parts share a key.
func KeyOf(parts ...string) Key {
	var all []byte
	for _, part := range parts {
		all = binary.BigEndian.AppendUint64(all, uint64(len(part)))
		all = append(all, part...)
	}
	return sha256.Sum256(all)
}

// Count is a key with its limit.
type Count struct {
	Key Key
	Limit
}

// Limit is how many attempts may fail within a window, which opens with its first
// attempt.
type Limit struct {
	Attempts int
	Window   time.Duration
}

// Valid reports whether the limit lets any attempt through, and ends.
func (l Limit) Valid() bool { return l.Attempts >= 1 && l.Window > 0 }

// Taken is an attempt as counted for a key.
type Taken struct {
	// Number of the attempt in its window, from 1.
	Number int
	// RetryAfter is the time to the end of the window.
	RetryAfter time.Duration
}

// Limits are those of SECURITY.md §4.4. Each is of attempts that failed.
type Limits struct {
	// Device is for a known device, which no other limit holds for.
	Device Limit
	// Pair is for one account from one address block, Account for one account from
	// everywhere, Address for one address block (/32 or /64), Network for a /48.
	Pair, Account, Address, Network Limit
	// Delay is how long an attempt waits once DelayFrom attempts have failed in the
	// window of the account.
	Delay     time.Duration
	DelayFrom int
}

// Limiter decides which attempts are looked at.
type Limiter struct {
	Attempts *Store
	Limits
}

// From is where an attempt comes from, and what it is for.
type From struct {
	// Account is a user name, which need not exist.
	Account string
	// AddressBlock is a /32 or /64; empty is a block too.
	AddressBlock string
	// Device is the known device, nil for an unknown one.
	Device *secret.Digest
}

// By is the limit that a verdict is due to. It is a label of a metric.
type By string

// The limits.
const (
	ByDevice  By = "device"
	ByPair    By = "pair"
	ByAccount By = "account"
	ByAddress By = "address"
	ByNetwork By = "network"
)

// Verdict is what the limiter says to an attempt.
type Verdict struct {
	// Refused is the limit because of which the password must not be looked at;
	// empty if it may.
	Refused By
	// Last says that the next attempt is refused unless this one succeeds.
	Last bool
	// RetryAfter is when attempts are looked at again, with Refused and with Last.
	RetryAfter time.Duration
	// Delay is how long the attempt waits before it is looked at.
	Delay time.Duration
}

// Take counts an attempt and says whether it may be looked at. One that may not is
// not counted.
func (l *Limiter) Take(ctx context.Context, from From) (Verdict, error) {
	return l.judge(ctx, from, l.Attempts.Take)
}

// Look says what Take would, and counts nothing.
func (l *Limiter) Look(ctx context.Context, from From) (Verdict, error) {
	return l.judge(ctx, from, l.Attempts.Look)
}

func (l *Limiter) judge(ctx context.Context, from From, numbers func(context.Context, ...Count) ([]Taken, error)) (Verdict, error) {
	names, counts := l.counts(from)
	taken, err := numbers(ctx, counts...)
	if err != nil {
		return Verdict{}, fmt.Errorf("count attempt: %w", err)
	}
	var (
		v    Verdict
		last bool
	)
	for i, t := range taken {
		over := t.Number - counts[i].Attempts
		switch {
		case over > 0 && v.Refused == "":
			v.Refused, v.RetryAfter = names[i], t.RetryAfter
		case over > 0, over == 0 && v.Refused == "":
			v.RetryAfter = max(v.RetryAfter, t.RetryAfter)
		}
		last = last || over == 0
		if names[i] == ByAccount && t.Number > l.DelayFrom {
			v.Delay = l.Delay
		}
	}
	v.Last = last && v.Refused == ""
	return v, nil
}

// Succeed takes an attempt back that was taken, and forgets the failures before it
// of the same device, or of the account from the same address block.
func (l *Limiter) Succeed(ctx context.Context, from From) error {
	_, counts := l.counts(from)
	if err := l.Attempts.Clear(ctx, counts[0].Key); err != nil {
		return fmt.Errorf("clear attempts: %w", err)
	}
	if len(counts) == 1 {
		return nil
	}
	keys := make([]Key, 0, len(counts)-1)
	for _, c := range counts[1:] {
		keys = append(keys, c.Key)
	}
	if err := l.Attempts.Return(ctx, keys...); err != nil {
		return fmt.Errorf("take attempt back: %w", err)
	}
	return nil
}

// Unlock forgets what failed for the account of a user on unknown devices.
func (l *Limiter) Unlock(ctx context.Context, username, sub string) error {
	if err := l.Attempts.Unlock(ctx, accountKey(username), sub); err != nil {
		return fmt.Errorf("unlock account: %w", err)
	}
	return nil
}

// counts are what an attempt is counted for. The first is what a success clears.
func (l *Limiter) counts(from From) ([]By, []Count) {
	if from.Device != nil {
		return []By{ByDevice}, []Count{{KeyOf(string(ByDevice), string(from.Device[:])), l.Device}}
	}
	names := []By{ByPair, ByAccount, ByAddress}
	counts := []Count{
		{KeyOf(string(ByPair), from.Account, from.AddressBlock), l.Pair},
		{accountKey(from.Account), l.Account},
		{KeyOf(string(ByAddress), from.AddressBlock), l.Address},
	}
	if network := ratelimit.Network(from.AddressBlock); network != "" {
		names, counts = append(names, ByNetwork), append(counts, Count{KeyOf(string(ByNetwork), network), l.Network})
	}
	return names, counts
}

func accountKey(username string) Key { return KeyOf(string(ByAccount), username) }
