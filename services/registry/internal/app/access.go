package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// ErrNoMember is returned for a subject without a role in the workspace, and for
// one that is unknown or disabled.
var ErrNoMember = errors.New("subject has no role in the workspace")

// Membership is what a subject is in a workspace.
type Membership struct {
	WorkspaceID   string
	WorkspaceName string
	Role          role.Role
}

// Directory knows who has which role where. It reads the truth and no cache: who
// was removed a moment ago has no role.
type Directory interface {
	// Membership fails with ErrNoMember.
	Membership(ctx context.Context, sub, workspaceID string) (Membership, error)
	// Memberships returns those of every workspace. Fails with fault.NotFound for
	// a subject that is unknown or disabled.
	Memberships(ctx context.Context, sub string) ([]Membership, error)
}

// admin is the one rule of who may do what: an admin of the workspace may do
// everything with its apps, and nobody else anything. Who has no role there is not
// told that it exists.
func (d *Desk) admin(ctx context.Context, sub, workspaceID string) (Membership, error) {
	m, err := d.Directory.Membership(ctx, sub, workspaceID)
	switch {
	case errors.Is(err, ErrNoMember):
		return Membership{}, notFound(err)
	case err != nil:
		return Membership{}, fmt.Errorf("find membership: %w", err)
	case m.Role != role.Admin:
		return Membership{}, fault.New(fault.Denied, "only admins of the workspace may see and change its apps")
	}
	return m, nil
}

// admit returns the app if sub may act on it.
func (d *Desk) admit(ctx context.Context, sub, clientID string) (client.Client, Membership, error) {
	c, err := d.Clients.Clients.Find(ctx, clientID)
	if err != nil {
		return client.Client{}, Membership{}, missing("find app", err)
	}
	// A client without an owner is for operators, or for itself.
	if c.WorkspaceID == "" {
		return client.Client{}, Membership{}, notFound(errors.New("client belongs to no workspace"))
	}
	m, err := d.admin(ctx, sub, c.WorkspaceID)
	if err != nil {
		return client.Client{}, Membership{}, err
	}
	return c, m, nil
}

// missing names the error of a store.
func missing(doing string, err error) error {
	if errors.Is(err, client.ErrNotFound) {
		return notFound(err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// notFound is the one answer, so that nobody learns of what is not theirs.
func notFound(cause error) error {
	return fault.Because(fault.NotFound, "there is no such app, or no such workspace", cause)
}

// changed is the answer to an update of a revision that is not the one there is.
func changed() error {
	return fault.Because(fault.Conflict, "the app has changed since it was read: read it again", client.ErrChanged)
}
