package grant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// Keeper writes down what subjects allow, and takes it back.
type Keeper struct {
	Grants    Store
	Directory Directory
	Hints     Publisher
	Scopes    preset.Catalogue
	Policy    preset.Consent
}

// Consent is what a subject has just allowed a client.
type Consent struct {
	Sub, ClientID string
	// Scope is what was allowed, as a scope parameter.
	Scope  string
	Picked Picked
	// Identity is the client's, as the subject was shown it.
	Identity Identity
}

// Find returns a live grant. Fails with fault.NotFound.
func (k *Keeper) Find(ctx context.Context, id uuid.UUID) (Grant, error) {
	g, err := k.Grants.Find(ctx, id)
	if err != nil {
		return Grant{}, named("find grant", err)
	}
	return g, nil
}

// useAccuracy is how exact the time of a grant's last use is.
const useAccuracy = time.Hour

// Use is [Keeper.Find] for a grant for which a token is about to be minted, which
// is noted.
func (k *Keeper) Use(ctx context.Context, id uuid.UUID) (Grant, error) {
	g, err := k.Grants.Use(ctx, id, useAccuracy)
	if err != nil {
		return Grant{}, named("use grant", err)
	}
	return g, nil
}

// Record joins what was allowed to the grant of the pair, or starts one. The
// selections of the kinds that the scope selects replace the earlier ones; when
// that takes something away, the access tokens of the grant end, and refresh
// tokens go on with what is left.
//
// A refused consent leaves no trace. Fails with invalid_scope, invalid_request
// (a selection missing or malformed), access_denied (not the subject's to share).
func (k *Keeper) Record(ctx context.Context, c Consent) (Grant, error) {
	scope, err := k.grantable(c.Scope)
	if err != nil {
		return Grant{}, err
	}
	change := Change{Scope: scope, Kinds: KindsOf(k.Scopes, scope)}
	if err := k.checkPicked(change.Kinds, c.Picked); err != nil {
		return Grant{}, err
	}
	if err := checkComplete(change.Kinds, c.Picked); err != nil {
		return Grant{}, err
	}
	mine, err := k.Directory.Shareable(ctx, c.Sub)
	if errors.Is(err, fault.NotFound) {
		return Grant{}, oauth.RefuseBecause(oauth.AccessDenied, "the user is not known", err)
	}
	if err != nil {
		return Grant{}, fmt.Errorf("list resources of subject: %w", err)
	}
	if change, err = change.selecting(mine, c.Picked); err != nil {
		return Grant{}, err
	}
	g, restrictions, err := k.Grants.Record(ctx, Decision{
		NewID: uuid.New(), ClientID: c.ClientID, Sub: c.Sub, Change: change, Identity: c.Identity,
	})
	if err != nil {
		return Grant{}, fmt.Errorf("record grant: %w", err)
	}
	k.Hints.Publish(ctx, restrictions...)
	return g, nil
}

// Share replaces what the subject's grant shares, of the kinds that its scope
// selects. A kind may be left without selection only if the subject has nothing
// of it any more.
//
// Fails with fault.NotFound, also for a grant of somebody else, and as
// [Keeper.Record] does for a selection.
func (k *Keeper) Share(ctx context.Context, id uuid.UUID, sub string, picked Picked) (Grant, error) {
	g, err := k.Find(ctx, id)
	if err != nil {
		return Grant{}, err
	}
	if g.Sub != sub {
		return Grant{}, notFound(errors.New("grant of another subject"))
	}
	change := Change{Kinds: KindsOf(k.Scopes, g.Scope)}
	if err := k.checkPicked(change.Kinds, picked); err != nil {
		return Grant{}, err
	}
	mine, err := k.Directory.Shareable(ctx, sub)
	if err != nil {
		return Grant{}, fmt.Errorf("list resources of subject: %w", err)
	}
	choosable := Kinds{
		Workspaces: change.Kinds.Workspaces && len(mine.Workspaces) > 0,
		Projects:   change.Kinds.Projects && len(mine.Projects) > 0,
	}
	if err := checkComplete(choosable, picked); err != nil {
		return Grant{}, err
	}
	if change, err = change.selecting(mine, picked); err != nil {
		return Grant{}, err
	}
	g, restrictions, err := k.Grants.Change(ctx, id, change)
	if err != nil {
		return Grant{}, named("change grant", err)
	}
	k.Hints.Publish(ctx, restrictions...)
	return g, nil
}

// Revoke ends a grant and every token of it: whoever's if sub is empty. Revoking
// it again is no error. Fails with fault.NotFound for a grant that never was, or
// is another subject's.
func (k *Keeper) Revoke(ctx context.Context, id uuid.UUID, sub string, why Reason) error {
	restrictions, err := k.Grants.Revoke(ctx, id, sub, why)
	if err != nil {
		return named("revoke grant", err)
	}
	k.Hints.Publish(ctx, restrictions...)
	return nil
}

// grantable reads a scope that a subject can grant: the consent page shows no
// other, so no other was agreed to.
func (k *Keeper) grantable(parameter string) (oauth.Scope, error) {
	scope, err := oauth.ParseScope(parameter)
	if err != nil {
		return nil, err
	}
	for _, name := range scope {
		if s, ok := k.Scopes.Find(name); !ok || s.Kind == preset.Client {
			return nil, oauth.Refuse(oauth.InvalidScope, "scope names something that a user cannot grant")
		}
	}
	return scope, nil
}

// checkPicked refuses a selection that no directory could make right.
func (k *Keeper) checkPicked(kinds Kinds, picked Picked) error {
	switch {
	case !kinds.Workspaces && len(picked.WorkspaceIDs) > 0:
		return oauth.Refuse(oauth.InvalidRequest, "workspaces are selected, but no scope is for workspaces")
	case !kinds.Projects && len(picked.ProjectIDs) > 0:
		return oauth.Refuse(oauth.InvalidRequest, "projects are selected, but no scope is for projects")
	case k.Policy.SingleWorkspace && len(picked.WorkspaceIDs) > 1:
		return oauth.Refuse(oauth.InvalidRequest, "select exactly one workspace")
	}
	return nil
}

// checkComplete refuses an empty selection where one is needed: it must never
// come to mean everything.
func checkComplete(needed Kinds, picked Picked) error {
	switch {
	case needed.Workspaces && len(picked.WorkspaceIDs) == 0:
		return oauth.Refuse(oauth.InvalidRequest, "select at least one workspace")
	case needed.Projects && len(picked.ProjectIDs) == 0:
		return oauth.Refuse(oauth.InvalidRequest, "select at least one project")
	}
	return nil
}

// selecting returns c with the picked resources, if all of them are among mine.
func (c Change) selecting(mine Resources, picked Picked) (Change, error) {
	var err error
	if c.Workspaces, err = mine.workspaces(picked.WorkspaceIDs); err != nil {
		return Change{}, err
	}
	if c.Projects, err = mine.projects(picked.ProjectIDs); err != nil {
		return Change{}, err
	}
	return c, nil
}

// named tells a caller of a missing grant, and nothing of other errors.
func named(what string, err error) error {
	if errors.Is(err, ErrNotFound) {
		return notFound(err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// notFound is the one answer for a grant that is not there, was revoked, or is
// somebody else's.
func notFound(cause error) error {
	return fault.Because(fault.NotFound, "there is no such grant", cause)
}
