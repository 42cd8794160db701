package grant

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/sweep"
)

// Grant is what one subject has allowed one client.
type Grant struct {
	ID       uuid.UUID
	ClientID string
	Sub      string
	// Scope is everything that was ever allowed, somewhere: what the account page
	// offers. It only grows, and permits nothing.
	Scope     oauth.Scope
	Approvals []Approval
	// Identities are as what the client was ever allowed something.
	Identities []Identity
	// Diverse says that what the client has begun is not all alike. The release before
	// approvals, which cannot tell, must read nothing of the grant any more.
	Diverse bool
	// FormerIdentity is that of what began before approvals were kept, and does not
	// say as what the client came.
	FormerIdentity Identity
	// Version grows with what is allowed, and with what is taken away: then access
	// tokens of an older one have ended.
	Version                int64
	CreateTime, UpdateTime time.Time
	// LastUseTime is when a token was last minted for it, accurate to an hour. Zero
	// while none was.
	LastUseTime time.Time
}

// Kinds says of which kinds of resource a scope lets the subject pick.
type Kinds struct {
	Workspaces, Projects bool
}

// have says whether r is of one of the kinds.
func (k Kinds) have(r Resource) bool {
	return k.Workspaces && r.Kind == preset.Workspace || k.Projects && r.Kind == preset.Project
}

// KindsOf returns the kinds that scope selects, in the catalogue c.
func KindsOf(c preset.Catalogue, scope oauth.Scope) Kinds {
	return Kinds{
		Workspaces: c.Level(scope, preset.Workspace) != role.None,
		Projects:   c.Level(scope, preset.Project) != role.None,
	}
}

// Decision is a change that starts a grant where the pair has none.
type Decision struct {
	// NewID is the id of the grant if this decision starts one.
	NewID    uuid.UUID
	ClientID string
	Sub      string
	Change   Change
}

// Reason is why a grant was revoked. It is kept as written.
type Reason string

// The reasons.
const (
	ReasonUnspecified Reason = "unspecified"
	ReasonReuse       Reason = "reuse"     // a rotated refresh token was presented again
	ReasonWithdrawn   Reason = "withdrawn" // by the subject
	ReasonAdmin       Reason = "admin"
)

// Filter narrows a list of grants. An empty field stands for any.
type Filter struct {
	Sub, ClientID string
}

// Cursor is a place in a list of grants: behind the one created at that time
// with that id. The zero value is the start.
type Cursor struct {
	CreateTime time.Time
	ID         uuid.UUID
}

// ErrNotFound is returned for a grant that never was or, where a live one is
// asked for, was revoked.
var ErrNotFound = errors.New("grant not found")

// Reader finds live grants, in the truth and not in a cache.
type Reader interface {
	// Find returns a live grant. Fails with ErrNotFound.
	Find(ctx context.Context, id uuid.UUID) (Stored, error)
	// FindPair returns the live grant of a subject and a client. Fails with
	// ErrNotFound.
	FindPair(ctx context.Context, sub, clientID string) (Stored, error)
	// List returns at most limit live grants behind after, by time of creation
	// and id.
	List(ctx context.Context, of Filter, after Cursor, limit int) ([]Stored, error)
	// Newest returns at most limit live grants of a subject that come before the
	// place, the newest first. The zero place is behind them all.
	Newest(ctx context.Context, sub string, before Cursor, limit int) ([]Stored, error)
}

// Writer changes grants. Each method is one transaction, and returns the
// restrictions that it logged.
type Writer interface {
	// Record changes the live grant of the pair, or starts one. Of any number of
	// callers for one pair, each adds to the same grant.
	Record(ctx context.Context, d Decision) (Grant, []coherent.Restriction, error)
	// Change changes a live grant. Fails with ErrNotFound.
	Change(ctx context.Context, id uuid.UUID, c Change) (Grant, []coherent.Restriction, error)
	// Revoke ends a grant for good: whoever's if sub is empty. Revoking it again is
	// no error and restricts nothing. Fails with ErrNotFound for a grant that never
	// was, or is another subject's.
	Revoke(ctx context.Context, id uuid.UUID, sub string, why Reason) ([]coherent.Restriction, error)
	// Use returns a live grant as Find does, and notes the time. It writes only
	// where that was not noted for accuracy, and restricts nothing.
	Use(ctx context.Context, id uuid.UUID, accuracy time.Duration) (Stored, error)
}

// Store keeps grants. Implementations are safe for concurrent use, across
// processes too; granttest.RunStore says what they must do.
type Store interface {
	Reader
	Writer
	// Sweeps returns the grants that were revoked long ago, for deletion.
	Sweeps() []sweep.Table
}

// History is how long a grant that was revoked is kept. Nothing needs it: what was
// issued for it is dead without it as well.
const History = 90 * 24 * time.Hour

// Sweeps says when a revoked grant goes.
func Sweeps() []sweep.Rule {
	return []sweep.Rule{{
		Table: "consent.grant", Key: "id", Due: "revoke_time", After: History, Parent: "grant_id",
		Children: []string{"consent.approval", "consent.grant_identity", "consent.grant_project", "consent.grant_workspace"},
	}}
}

// Publisher tells other replicas of restrictions, as well as it can.
type Publisher interface {
	Publish(ctx context.Context, rs ...coherent.Restriction)
}
