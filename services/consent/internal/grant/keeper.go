package grant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// Keeper writes down what subjects allow, and takes it back.
type Keeper struct {
	Grants    *Store
	Directory Directory
	Hints     Publisher
	Scopes    preset.Catalogue
	Policy    preset.Consent
}

// Consent is what a subject has just allowed a client.
type Consent struct {
	Sub, ClientID string
	// Scope is what was allowed, as a scope parameter.
	Scope string
	// Audiences are the resource indicators (RFC 8707) that it was allowed for.
	Audiences []string
	Picked    Picked
	// Identity is the client's, as the subject was shown it.
	Identity Identity
	// ByPolicy says that nobody was asked.
	ByPolicy bool
}

// Find returns a live grant. Fails with fault.NotFound.
func (k *Keeper) Find(ctx context.Context, id uuid.UUID) (Grant, error) {
	stored, err := k.Grants.Find(ctx, id)
	if err != nil {
		return Grant{}, named("find grant", err)
	}
	return stored.Read(k.Scopes), nil
}

// useAccuracy is how exact the time of a grant's last use is.
const useAccuracy = time.Hour

// Use returns a live grant, and what of it a client gets that is about to be given
// a token: that is noted. What began before approvals were kept does not say as what
// the client came, and is judged by what was allowed from the beginning, for any
// audience. Fails with fault.NotFound.
func (k *Keeper) Use(ctx context.Context, id uuid.UUID, of Claim) (Grant, Yield, error) {
	stored, err := k.Grants.Use(ctx, id, useAccuracy)
	if err != nil {
		return Grant{}, Yield{}, named("use grant", err)
	}
	g, y := k.use(stored, of)
	return g, y, nil
}

func (k *Keeper) use(stored Stored, of Claim) (Grant, Yield) {
	g := stored.Read(k.Scopes)
	if of.Identity == (Identity{}) {
		of.Identity, of.Version, of.Audiences = g.FormerIdentity, max(of.Version, formerVersion), nil
	}
	of.OneWorkspace = k.Policy.SingleWorkspace
	return g, g.yield(k.Scopes, of)
}

// Record writes down what was allowed, in the grant of the pair or a new one. A
// resource that was not picked is taken back, of the kinds that the scope selects
// and from everything that the client has begun: then the access tokens of the
// grant end, and refresh tokens go on with what is left.
//
// A refused consent leaves no trace. Fails with invalid_scope, invalid_request
// (a selection missing or malformed), access_denied (not the subject's to share).
func (k *Keeper) Record(ctx context.Context, c Consent) (Grant, error) {
	scope, err := k.grantable(c.Scope)
	if err != nil {
		return Grant{}, err
	}
	kinds := KindsOf(k.Scopes, scope)
	if c.ByPolicy && kinds != (Kinds{}) {
		return Grant{}, oauth.Refuse(oauth.InvalidScope, "only the user can say which workspaces and projects are shared")
	}
	if err := k.checkPicked(kinds, c.Picked); err != nil {
		return Grant{}, err
	}
	if err := checkComplete(kinds, c.Picked); err != nil {
		return Grant{}, err
	}
	mine, err := k.Directory.Shareable(ctx, c.Sub)
	if errors.Is(err, fault.NotFound) {
		return Grant{}, oauth.RefuseBecause(oauth.AccessDenied, "the user is not known", err)
	}
	if err != nil {
		return Grant{}, fmt.Errorf("list resources of subject: %w", err)
	}
	picked, err := mine.pick(c.Picked)
	if err != nil {
		return Grant{}, err
	}
	// To choose one workspace is to say nothing of the others.
	kinds.Workspaces = kinds.Workspaces && !k.Policy.SingleWorkspace
	g, restrictions, err := k.Grants.Record(ctx, Decision{
		NewID: uuid.New(), ClientID: c.ClientID, Sub: c.Sub,
		Change: changeBy(k.Scopes, consented{
			scope: scope, audiences: c.Audiences, identity: c.Identity, picked: picked, kinds: kinds, byPolicy: c.ByPolicy,
		}),
	})
	if err != nil {
		return Grant{}, fmt.Errorf("record grant: %w", err)
	}
	k.Hints.Publish(ctx, restrictions...)
	return g, nil
}

// Share changes what the subject's grant shares, of the kinds that its scope
// selects. What is not picked is taken back, and what is picked has the scope that
// the selection says. A kind may be left without selection only if the subject has
// nothing of it any more. What is added is for the client as it is now, which must
// have been allowed something.
//
// Fails with fault.NotFound, also for a grant of somebody else, and as
// [Keeper.Record] does for a selection.
func (k *Keeper) Share(ctx context.Context, id uuid.UUID, sub string, c client.Client, selected Selection) (Grant, error) {
	g, err := k.Find(ctx, id)
	if err != nil {
		return Grant{}, err
	}
	if g.Sub != sub {
		return Grant{}, notFound(errors.New("grant of another subject"))
	}
	kinds := KindsOf(k.Scopes, g.Scope)
	if err := checkKinds(kinds, selected.Picked); err != nil {
		return Grant{}, err
	}
	mine, err := k.Directory.Shareable(ctx, sub)
	if err != nil {
		return Grant{}, fmt.Errorf("list resources of subject: %w", err)
	}
	choosable := Kinds{
		Workspaces: kinds.Workspaces && len(mine.Workspaces) > 0,
		Projects:   kinds.Projects && len(mine.Projects) > 0,
	}
	if err := checkComplete(choosable, selected.Picked); err != nil {
		return Grant{}, err
	}
	levels, err := k.levels(g, mine, selected)
	if err != nil {
		return Grant{}, err
	}
	decided := sharing{levels: levels, kinds: kinds, identities: identitiesNow(c)}
	if decided.adds(k.Scopes, g) && len(g.placesOf(decided.identities)) == 0 {
		return Grant{}, oauth.Refuse(oauth.InvalidRequest, "the app has another name or address than it was allowed under: it can have more once it has asked")
	}
	g, restrictions, err := k.Grants.Change(ctx, id, changeBy(k.Scopes, decided))
	if err != nil {
		return Grant{}, named("change grant", err)
	}
	k.Hints.Publish(ctx, restrictions...)
	return g, nil
}

// levels is what each picked resource is to be shared with. Where one workspace is
// to be chosen, that is done when the client asks: here none is added.
func (k *Keeper) levels(g Grant, mine Resources, selected Selection) (map[Resource]level, error) {
	picked, err := mine.pick(selected.Picked)
	if err != nil {
		return nil, err
	}
	shared := make(map[Resource]bool)
	for _, a := range g.Approvals {
		shared[a.At.Resource] = true
	}
	levels := make(map[Resource]level, len(picked))
	for _, r := range picked {
		added := !shared[r]
		if added && k.Policy.SingleWorkspace && r.Kind == preset.Workspace {
			return nil, oauth.Refuse(oauth.InvalidRequest, "another workspace is chosen when the app asks for it")
		}
		offered := k.Scopes.Implied(g.Scope.Intersect(k.Scopes.Names(r.Kind)))
		switch text, said := selected.Scopes[r.ID.String()]; {
		case said:
			scope, err := oauth.ParseScope(text)
			if err != nil || !scope.SubsetOf(offered) {
				return nil, oauth.RefuseBecause(oauth.InvalidRequest, "the selection names a scope that the app was never allowed", err)
			}
			levels[r] = level{scope: k.Scopes.Highest(scope)}
		case added:
			levels[r] = level{scope: k.Scopes.Highest(offered)}
		default:
			levels[r] = level{asIs: true}
		}
	}
	return levels, nil
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
	if k.Policy.SingleWorkspace && len(picked.WorkspaceIDs) > 1 {
		return oauth.Refuse(oauth.InvalidRequest, "select exactly one workspace")
	}
	return checkKinds(kinds, picked)
}

// checkKinds refuses a selection of a kind that no scope selects.
func checkKinds(kinds Kinds, picked Picked) error {
	switch {
	case !kinds.Workspaces && len(picked.WorkspaceIDs) > 0:
		return oauth.Refuse(oauth.InvalidRequest, "workspaces are selected, but no scope is for workspaces")
	case !kinds.Projects && len(picked.ProjectIDs) > 0:
		return oauth.Refuse(oauth.InvalidRequest, "projects are selected, but no scope is for projects")
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
