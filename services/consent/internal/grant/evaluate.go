package grant

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
)

// Request is an authorization request that may need consent.
type Request struct {
	Sub    string
	Client client.Client
	// Scope is the requested one, as it was sent.
	Scope       string
	RedirectURI string
	// Audiences are the resource indicators (RFC 8707); empty for none.
	Audiences     []string
	PromptConsent bool
}

// identity is what the client comes as.
func (r Request) identity() Identity {
	return IdentityOf(r.Client.Name, r.Client.WorkspaceID, r.RedirectURI)
}

// Evaluation says whether the subject must be asked, and what to show.
type Evaluation struct {
	Required bool
	// Unrecorded says that nothing has to be asked, though not all that is requested
	// is written down: the platform allows it.
	Unrecorded bool
	// Grant is the live one; nil if there is none.
	Grant    *Grant
	Identity Identity // what the client comes as
	// WorkspaceID is the workspace that is shared, where nothing has to be asked and
	// exactly one is to be chosen.
	WorkspaceID uuid.UUID
	// Choices are those of the requested scope.
	Choices
}

// Choices is what a page shows of a scope.
type Choices struct {
	// Scopes are those in the scope, as the catalogue describes and orders them.
	Scopes preset.Catalogue
	// Levels are the scopes that a resource has, or can be given.
	Levels preset.Catalogue
	// Workspaces and Projects may be selected. They are empty where the scope does
	// not select.
	Workspaces []WorkspaceChoice
	Projects   []ProjectChoice
	// WorkspaceLevel and ProjectLevel are the most that the scope allows.
	WorkspaceLevel, ProjectLevel role.Role
	// SingleWorkspace says that exactly one workspace is to be chosen.
	SingleWorkspace bool
}

// WorkspaceChoice is a workspace that the subject may share.
type WorkspaceChoice struct {
	Workspace
	// SharedRole is what the client gets.
	SharedRole role.Role
	Had        Had
}

// ProjectChoice is a project that the subject may share.
type ProjectChoice struct {
	Project
	SharedRole role.Role
	Had        Had
}

// Had is what the client has at a resource already, whatever it came as. Its scope
// is without what others of it stand for.
type Had struct {
	Scope oauth.Scope
	Role  role.Role // the most that the scope allows to this subject
}

// Selected says that the resource is shared.
func (h Had) Selected() bool { return len(h.Scope) > 0 }

// Evaluator decides when a subject is asked, and what a page shows of grants.
type Evaluator struct {
	Grants    *Store
	Directory Directory
	Scopes    preset.Catalogue
	Policy    preset.Consent
}

// Evaluate says whether the subject must be asked before the client gets what it
// requests, and what there is to choose. Fails with invalid_scope, and with
// fault.NotFound for an unknown subject.
func (e *Evaluator) Evaluate(ctx context.Context, req Request) (Evaluation, error) {
	scope, err := oauth.ParseScope(req.Scope)
	if err != nil {
		return Evaluation{}, err
	}
	live, err := e.live(ctx, req)
	if err != nil {
		return Evaluation{}, err
	}
	mine, err := e.Directory.Shareable(ctx, req.Sub)
	if err != nil {
		return Evaluation{}, fmt.Errorf("list resources of subject: %w", err)
	}
	var before Grant
	if live != nil {
		before = *live
	}
	s := e.situation(req, scope, before, mine)
	found := Evaluation{Required: required(s), Grant: live, Identity: req.identity(), Choices: e.choices(scope, before, mine)}
	if !found.Required {
		found.Unrecorded = !s.plain.SubsetOf(s.allowed)
		found.WorkspaceID = s.chosen()
	}
	return found, nil
}

// live returns nil when there is no live grant.
func (e *Evaluator) live(ctx context.Context, req Request) (*Grant, error) {
	stored, err := e.Grants.FindPair(ctx, req.Sub, req.Client.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, fmt.Errorf("find grant: %w", err)
	}
	g := stored.Read(e.Scopes)
	return &g, nil
}

// situation is what the rules look at. A client without an identity was allowed
// nothing: nobody can say to whom.
func (e *Evaluator) situation(req Request, scope oauth.Scope, before Grant, mine Resources) situation {
	s := situation{
		request: req, identified: req.RedirectURI != "", policy: e.Policy,
		kinds: KindsOf(e.Scopes, scope), plain: scope.Without(e.Scopes.Names(preset.Workspace, preset.Project)...),
	}
	y := before.yield(e.Scopes, Claim{
		Identity: req.identity(), Scope: e.Scopes.Grantable(), Audiences: req.Audiences,
		Version: math.MaxInt64, PlatformOwn: req.Client.SkipConsent,
	})
	s.allowed = y.Scope
	shareable := make(map[Resource]bool)
	for _, r := range mine.of(s.kinds) {
		shareable[r] = true
	}
	for _, r := range y.Resources {
		switch covers := scope.Intersect(e.Scopes.Names(r.Resource.Kind)).SubsetOf(r.Scope); {
		case !shareable[r.Resource]:
		case r.Resource.Kind == preset.Workspace:
			s.workspaces.add(r.Resource, covers)
		default:
			s.projects.add(r.Resource, covers)
		}
	}
	return s
}

// choices is what a page shows of scope, with what was allowed before.
func (e *Evaluator) choices(scope oauth.Scope, before Grant, mine Resources) Choices {
	shown := Choices{
		WorkspaceLevel: e.Scopes.Level(scope, preset.Workspace),
		ProjectLevel:   e.Scopes.Level(scope, preset.Project),
	}
	levels := e.Scopes.Implied(before.Scope.Union(scope).Intersect(e.Scopes.Names(preset.Workspace, preset.Project)))
	for _, s := range e.Scopes {
		if scope.Contains(s.Name) {
			shown.Scopes = append(shown.Scopes, s)
		}
		if levels.Contains(s.Name) {
			shown.Levels = append(shown.Levels, s)
		}
	}
	shared := make(map[Resource]oauth.Scope)
	for _, s := range before.Shared(e.Scopes) {
		shared[s.Resource] = s.Scope
	}
	had := func(r Resource, held role.Role) Had {
		return Had{shared[r], role.Min(e.Scopes.Level(shared[r], r.Kind), held)}
	}
	kinds := KindsOf(e.Scopes, scope)
	if kinds.Workspaces {
		shown.SingleWorkspace = e.Policy.SingleWorkspace
		for _, w := range mine.Workspaces {
			shown.Workspaces = append(shown.Workspaces, WorkspaceChoice{w, role.Min(shown.WorkspaceLevel, w.Role), had(w.resource(), w.Role)})
		}
	}
	if kinds.Projects {
		for _, p := range mine.Projects {
			shown.Projects = append(shown.Projects, ProjectChoice{p, role.Min(shown.ProjectLevel, p.Workspace.Role), had(p.resource(), p.Workspace.Role)})
		}
	}
	return shown
}
