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

// Publisher tells other replicas of restrictions, as well as it can.
type Publisher interface {
	Publish(ctx context.Context, rs ...coherent.Restriction)
}
