// Package session is who is signed in: one user in one browser, known by a
// cookie of which only the digest is kept.
//
// A session is over by the clock of the database, which every replica shares.
// Whether its user may still be signed in is for the directory to say: see
// [Session.SubjectVersion].
package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// ErrNotFound is returned for a session that never was, or is over.
var ErrNotFound = errors.New("session not found")

const (
	// touchInterval is how exact the time of the last use is.
	touchInterval = time.Minute
	// maxUserAgentBytes is enough to recognise a browser by.
	maxUserAgentBytes = 256
	// ListLimit is how many sessions of one subject are listed.
	ListLimit = 500
)

// Session is a user who is signed in.
type Session struct {
	ID  uuid.UUID
	Sub string
	// SubjectVersion is the subject's at sign-in. A greater one now ends the
	// session.
	SubjectVersion int64
	UserAgent      string // shortened
	AddressBlock   string // /32 or /64
	// AuthTime, ExpireTime, Age and Idle come from the store. Age is how long
	// ago AuthTime is, and Idle the last use, which is accurate to a minute.
	AuthTime, ExpireTime time.Time
	Age, Idle            time.Duration
}

// ReadTime is the time of the database when it was asked for the session.
func (s Session) ReadTime() time.Time { return s.AuthTime.Add(s.Age) }

// New is a session to create.
type New struct {
	Session
	Digest   secret.Digest
	Lifetime time.Duration
	Replaces secret.Digest
}

// Keeper starts, finds and ends sessions. It is safe for concurrent use.
type Keeper struct {
	Sessions *Store
	// Hints tells other replicas of an end early. Nil tells nobody.
	Hints *coherent.Hints
	// MaxIdle and Lifetime bound a session.
	MaxIdle, Lifetime time.Duration
}

// Start signs a user in: s has everything but its id and times. The session that
// the browser presented is over, whatever it was, so that nobody can have chosen
// the new one's cookie. The cookie is returned this once.
func (k *Keeper) Start(ctx context.Context, s Session, presented string) (Session, secret.Secret, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return Session{}, secret.Secret{}, fmt.Errorf("make session id: %w", err)
	}
	s.ID, s.UserAgent, s.AddressBlock = id, printable(s.UserAgent), printable(s.AddressBlock)
	cookie := secret.NewHandle()
	created, ended, err := k.Sessions.Create(ctx, New{
		Session: s, Digest: cookie.Digest(), Lifetime: k.Lifetime, Replaces: secret.DigestOf(presented),
	})
	if err != nil {
		return Session{}, secret.Secret{}, fmt.Errorf("create session: %w", err)
	}
	k.Hints.Publish(ctx, ended...)
	return created, cookie, nil
}

// Current returns the session of a cookie. Fails with [ErrNotFound].
func (k *Keeper) Current(ctx context.Context, cookie string) (Session, error) {
	if cookie == "" {
		return Session{}, ErrNotFound
	}
	s, err := k.Sessions.Find(ctx, secret.DigestOf(cookie), k.MaxIdle)
	if err != nil {
		return Session{}, fmt.Errorf("find session: %w", err)
	}
	if s.Idle >= touchInterval {
		if err := k.Sessions.Touch(ctx, s.ID); err != nil {
			return Session{}, fmt.Errorf("touch session: %w", err)
		}
	}
	return s, nil
}

// List returns the live sessions of a subject, newest first.
func (k *Keeper) List(ctx context.Context, sub string) ([]Session, error) {
	list, err := k.Sessions.List(ctx, sub, k.MaxIdle)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return list, nil
}

// End ends a session and what is bound to it. Ending it twice is no error.
func (k *Keeper) End(ctx context.Context, id uuid.UUID) error {
	ended, err := k.Sessions.End(ctx, id)
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	k.Hints.Publish(ctx, ended...)
	return nil
}

// Sweeps returns the sessions that are over, for deletion.
func (k *Keeper) Sweeps() []sweep.Table { return k.Sessions.Sweeps(k.MaxIdle) }

// printable returns what a store and a page can hold of a header.
func printable(s string) string {
	s = s[:min(len(s), maxUserAgentBytes)]
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
