package grant

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
)

// Grant is what one subject has allowed one client.
type Grant struct {
	ID       uuid.UUID
	ClientID string
	Sub      string
	Scope    oauth.Scope
	// Workspaces and Projects are what was picked, by id. None is none, never all.
	Workspaces []SharedWorkspace
	Projects   []SharedProject
	// Version grows with each restriction.
	Version                int64
	CreateTime, UpdateTime time.Time
	// LastUseTime is when a token was last minted for it, accurate to an hour. Zero
	// while none was.
	LastUseTime time.Time
}

// SharedWorkspace is a workspace in a grant, shared under one membership.
type SharedWorkspace struct {
	ID, MembershipID uuid.UUID
}

// SharedProject is a project in a grant, shared under one membership in its
// workspace.
type SharedProject struct {
	ID, WorkspaceID, MembershipID uuid.UUID
}

// Kinds says of which kinds of resource a scope lets the subject pick.
type Kinds struct {
	Workspaces, Projects bool
}

// KindsOf returns the kinds that scope selects, in the catalogue c.
func KindsOf(c preset.Catalogue, scope oauth.Scope) Kinds {
	return Kinds{
		Workspaces: c.Level(scope, preset.Workspace) != role.None,
		Projects:   c.Level(scope, preset.Project) != role.None,
	}
}

// Change is what a decision of the subject makes of a grant.
type Change struct {
	// Scope is joined to that of the grant.
	Scope oauth.Scope
	// Kinds are those whose selection is replaced; the other one stays as it is.
	Kinds      Kinds
	Workspaces []SharedWorkspace
	Projects   []SharedProject
}

// Apply returns what c makes of g, and whether something that g shared is lost:
// then the tokens sealed so far must end.
func (c Change) Apply(g Grant) (after Grant, lost bool) {
	after = g
	after.Scope = g.Scope.Union(c.Scope)
	if c.Kinds.Workspaces {
		after.Workspaces = c.Workspaces
		lost = missing(g.Workspaces, c.Workspaces)
	}
	if c.Kinds.Projects {
		after.Projects = c.Projects
		lost = lost || missing(g.Projects, c.Projects)
	}
	return after, lost
}

// missing says whether one of before is not in after. The same resource under
// another membership is another one.
func missing[T comparable](before, after []T) bool {
	return slices.ContainsFunc(before, func(shared T) bool { return !slices.Contains(after, shared) })
}

// Decision is a change that starts a grant where the pair has none.
type Decision struct {
	// NewID is the id of the grant if this decision starts one.
	NewID    uuid.UUID
	ClientID string
	Sub      string
	Change   Change
	// Identity is the client's, as the subject was shown it. Zero: none is kept.
	Identity Identity
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
	Find(ctx context.Context, id uuid.UUID) (Grant, error)
	// FindPair returns the live grant of a subject and a client, and whether the
	// identity is one of those that were recorded with it. Fails with ErrNotFound.
	FindPair(ctx context.Context, sub, clientID string, as Identity) (g Grant, known bool, err error)
	// List returns at most limit live grants behind after, by time of creation
	// and id.
	List(ctx context.Context, of Filter, after Cursor, limit int) ([]Grant, error)
	// Newest returns at most limit live grants of a subject that come before the
	// place, the newest first. The zero place is behind them all.
	Newest(ctx context.Context, sub string, before Cursor, limit int) ([]Grant, error)
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
	Use(ctx context.Context, id uuid.UUID, accuracy time.Duration) (Grant, error)
}

// Store keeps grants. Implementations are safe for concurrent use, across
// processes too; granttest.RunStore says what they must do.
type Store interface {
	Reader
	Writer
}

// Publisher tells other replicas of restrictions, as well as it can.
type Publisher interface {
	Publish(ctx context.Context, rs ...coherent.Restriction)
}
