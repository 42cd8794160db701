// Package attempt limits how often passwords can be guessed.
//
// Sign-ins are counted by account and address block together, in the database
// that all replicas share. The one thing to get right is that nobody can lock a
// user out: what comes from one address block is never counted against another
// one. An attempt is counted before its password is looked at, so that many at
// once are no way around the limit.
package attempt

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Key names an account as seen from an address block, and tells neither.
type Key [sha256.Size]byte

// KeyOf returns the key of an account, which need not exist, and the address
// block that it is tried from. No two pairs share a key.
func KeyOf(account, addressBlock string) Key {
	pair := binary.BigEndian.AppendUint64(nil, uint64(len(account)))
	pair = append(pair, account...)
	return sha256.Sum256(append(pair, addressBlock...))
}

// Taken is a counted attempt.
type Taken struct {
	// Number of the attempt in its window, from 1.
	Number int
	// RetryAfter is the time to the end of the window.
	RetryAfter time.Duration
}

// Store counts attempts. Implementations are safe for concurrent use, across
// processes too; attempttest.RunStore says what they must do.
type Store interface {
	// Take counts an attempt. The first one after the end of a window opens
	// another. Of any number of callers each gets a number of its own.
	Take(ctx context.Context, key Key, window time.Duration) (Taken, error)
	// Clear forgets the attempts of key. None is no error.
	Clear(ctx context.Context, key Key) error
	// Sweeps returns the windows that have ended, for deletion.
	Sweeps() []sweep.Table
}

// Sweeps says when a window goes that no success clears: when it has ended.
func Sweeps() []sweep.Rule {
	return []sweep.Rule{
		{Table: "directory.attempt", Key: "key", Due: "expire_time"},
	}
}

// Limiter decides which attempts are looked at.
type Limiter struct {
	Attempts Store
	// Limit is how many attempts within Window may fail before the rest of the
	// window is refused. The window opens with its first attempt.
	Limit  int
	Window time.Duration
}

// Verdict is what the limiter says to an attempt.
type Verdict struct {
	// Refused says that the password must not be looked at.
	Refused bool
	// Last says that the next attempt is refused unless this one succeeds.
	Last bool
	// RetryAfter is when attempts are looked at again after the last one.
	RetryAfter time.Duration
}

// Take counts an attempt and says whether it may be looked at.
func (l *Limiter) Take(ctx context.Context, key Key) (Verdict, error) {
	taken, err := l.Attempts.Take(ctx, key, l.Window)
	if err != nil {
		return Verdict{}, fmt.Errorf("count attempt: %w", err)
	}
	return Verdict{
		Refused:    taken.Number > l.Limit,
		Last:       taken.Number == l.Limit,
		RetryAfter: taken.RetryAfter,
	}, nil
}

// Clear forgets the failures of key, after a success.
func (l *Limiter) Clear(ctx context.Context, key Key) error {
	if err := l.Attempts.Clear(ctx, key); err != nil {
		return fmt.Errorf("clear attempts: %w", err)
	}
	return nil
}
