// Package family rotates refresh tokens.
//
// A family is the refresh tokens that descend from one code: one row, updated in
// place. A token names its family and a generation, sealed deterministically, so
// that the successor of a generation is always the same string.
package family

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// Family is the state of one family.
type Family struct {
	ID       uuid.UUID
	GrantID  uuid.UUID
	Origin   credential.Origin
	ClientID string
	Sub      string
	// SubjectVersion is the subject's at the start: the family has ended if it has
	// grown since.
	SubjectVersion int64
	Scope          oauth.Scope
	Resource       []string
	AuthTime       time.Time
	Generation     int64  // of the token in use
	KeyID          uint32 // of the sealing key that this generation's token was made with
	// Lifetime of each token from its making, and of the family from its start.
	Lifetime, AbsoluteLifetime time.Duration
	// ExpireTime is when the token in use expires. Set by the store.
	ExpireTime time.Time
}

// Rotation is when a refresh token is replaced by a successor.
type Rotation string

// The rotation policies.
const (
	Always    Rotation = "always"    // with every use
	Threshold Rotation = "threshold" // once a part of the lifetime has passed
	Never     Rotation = "never"
)

// Policy is a client's.
type Policy struct {
	Rotation Rotation
	// Threshold is the part of the lifetime, 0 to 1, for the policy of that name.
	Threshold float64
	// Grace is how long a predecessor yields the successor, unless that was used.
	Grace time.Duration
	// Window is for how long after its replacement a token yields the one in use,
	// whatever happened since. Later reuse ends the family. Zero judges strictly:
	// reuse ends the grant.
	Window time.Duration
}

// MostReplaced is how many generations a family remembers as replaced within the
// window. While it has that many, its token stays in use whatever the rotation,
// and expires when a successor would.
const MostReplaced = 32

// Presented is a refresh token that a client has presented.
type Presented struct {
	FamilyID   uuid.UUID
	Generation int64
}

// Outcome is what presenting a token led to.
type Outcome int

const (
	// Rotated says that the token was replaced: the family's generation is the successor's.
	Rotated Outcome = iota + 1
	// Kept says that the token stays in use.
	Kept
	// Extended says that the token stays in use and expires later: it would have been
	// replaced, but the family remembers as many as it can.
	Extended
	// Repeated says that a token was presented that was replaced, within the window
	// or the grace: the family's generation is the one in use.
	Repeated
	// Reused says that a token was presented that was replaced, and that neither the
	// window nor the grace covers.
	Reused
	// Ahead says that the token is newer than the family: the write that made it
	// was lost, in a failover or with a database that was restored.
	Ahead
)

// unrotated is a family of which a token was presented that has rotated nothing.
type unrotated struct {
	Family

	// full says that the token in use would have been replaced, but for MostReplaced.
	full bool
	// covered says that the window or the grace covers the token.
	covered bool
	// unrecorded says that no repetition was recorded for RepetitionPeriod.
	unrecorded bool
}

// outcome is that of presenting p.
func (u unrotated) outcome(p Presented) Outcome {
	switch {
	case p.Generation > u.Generation:
		return Ahead
	case p.Generation == u.Generation && u.full:
		return Extended
	case p.Generation == u.Generation:
		return Kept
	case u.covered:
		return Repeated
	default:
		return Reused
	}
}

// ErrNotFound is returned for a family that never was, has ended, or has expired
// by the store's clock.
var ErrNotFound = errors.New("family not found")

// Publisher tells other replicas of restrictions, as well as it can.
type Publisher interface {
	Publish(ctx context.Context, rs ...coherent.Restriction)
}

// Grants ends grants, which belong to the consent service.
type Grants interface {
	// RevokeReused ends a grant because a token of it was reused.
	RevokeReused(ctx context.Context, id uuid.UUID) error
}

// Counters counts what happens, by kind.
type Counters interface {
	// RefreshReuse counts a refresh token that came after it was replaced, and ended
	// its family.
	RefreshReuse(ctx context.Context)
	// RefreshRepeat counts one that came after it was replaced, within the window.
	RefreshRepeat(ctx context.Context)
	// RefreshExtended counts one that stays in use for as long as a successor would,
	// because its family remembers as many replaced ones as it can.
	RefreshExtended(ctx context.Context)
	// RefreshAhead counts one that is newer than its family.
	RefreshAhead(ctx context.Context)
}

// Clients knows the policies of clients.
type Clients interface {
	// Policy returns the client's; the strict one of a client that is no more.
	Policy(ctx context.Context, clientID string) (Policy, error)
}

// Rotator rotates refresh tokens.
type Rotator struct {
	Families *Store
	Grants   Grants
	Clients  Clients
	Hints    Publisher
	Counters Counters
}

// Find returns the family of p for the client. A token of another client is
// refused, and left as it is unless it was replaced: then it has leaked, and what
// ends is what late reuse by its own client ends. Fails with invalid_grant.
func (r *Rotator) Find(ctx context.Context, p Presented, clientID string) (Family, error) {
	f, err := r.Families.Find(ctx, p.FamilyID)
	if errors.Is(err, ErrNotFound) {
		return Family{}, oauth.RefuseBecause(oauth.InvalidGrant, "refresh token is not valid", err)
	}
	if err != nil {
		return Family{}, fmt.Errorf("find family: %w", err)
	}
	switch {
	case f.ClientID == clientID:
		return f, nil
	case p.Generation < f.Generation:
		policy, err := r.Clients.Policy(ctx, f.ClientID)
		if err != nil {
			return Family{}, fmt.Errorf("policy of client: %w", err)
		}
		return Family{}, r.reused(ctx, f, policy)
	default:
		return Family{}, oauth.RefuseBecause(oauth.InvalidGrant, "refresh token is not valid", errors.New("token of another client"))
	}
}

// Rotate presents a token of f, and returns the family with the generation whose
// token the client is to hold now.
//
// Under a window a token that was replaced yields the one in use, so that several
// processes of a client can hold one token; after it, the family ends. Strictly, a
// predecessor yields the same successor for the grace, so that a client may repeat
// a request whose answer it lost; after that, or once the successor was used, the
// whole grant ends (RFC 9700 §4.14.2). Fails with invalid_grant. Safe for
// concurrent use: of two calls with one token both get one successor.
func (r *Rotator) Rotate(ctx context.Context, p Presented, policy Policy, keyID uint32) (Family, error) {
	f, outcome, err := r.Families.Present(ctx, p, policy, keyID)
	switch {
	case errors.Is(err, ErrNotFound):
		return Family{}, oauth.RefuseBecause(oauth.InvalidGrant, "refresh token is not valid", err)
	case err != nil:
		return Family{}, fmt.Errorf("present refresh token: %w", err)
	case outcome == Reused:
		return Family{}, r.reused(ctx, f, policy)
	case outcome == Ahead:
		r.Counters.RefreshAhead(ctx)
		return Family{}, oauth.RefuseBecause(oauth.InvalidGrant, "refresh token is not valid", errors.New("refresh token is newer than its family"))
	case outcome == Repeated && policy.Window > 0:
		r.Counters.RefreshRepeat(ctx)
	case outcome == Extended:
		r.Counters.RefreshExtended(ctx)
	}
	return f, nil
}

// reused ends the family, and strictly the grant. The grant comes first: when it
// cannot be ended, the request fails as a whole and its repeat gets here again.
func (r *Rotator) reused(ctx context.Context, f Family, policy Policy) error {
	if policy.Window == 0 {
		if err := r.Grants.RevokeReused(ctx, f.GrantID); err != nil {
			return fmt.Errorf("revoke grant of reused refresh token: %w", err)
		}
	}
	if err := r.end(ctx, f.ID, Replayed); err != nil {
		return err
	}
	r.Counters.RefreshReuse(ctx)
	return oauth.RefuseBecause(oauth.InvalidGrant, "refresh token is not valid", errors.New("refresh token reused"))
}

// Revoke ends a family and its access tokens.
func (r *Rotator) Revoke(ctx context.Context, id uuid.UUID) error { return r.end(ctx, id, Revoked) }

func (r *Rotator) end(ctx context.Context, id uuid.UUID, why Reason) error {
	restrictions, err := r.Families.End(ctx, id, why)
	if err != nil {
		return fmt.Errorf("end family: %w", err)
	}
	r.Hints.Publish(ctx, restrictions...)
	return nil
}
