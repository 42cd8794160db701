package grant

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
)

// Client is what matters of a client for consent.
type Client struct {
	ID           string
	Name         string
	WorkspaceID  string // of its owner; empty for none
	Public       bool   // it does not authenticate
	RedirectURIs []string
	SkipConsent  bool // the platform's own
	Unverified   bool // nobody has vouched for it
}

// Request is an authorization request that may need consent.
type Request struct {
	Sub    string
	Client Client
	// Scope is the requested one, as it was sent.
	Scope         string
	RedirectURI   string
	PromptConsent bool
}

// Evaluation says whether the subject must be asked, and what to show.
type Evaluation struct {
	Required bool
	// Grant is the live one; nil if there is none.
	Grant *Grant
	// Choices are those of the requested scope.
	Choices
}

// Choices is what a page shows of a scope.
type Choices struct {
	// Scopes are those in the scope, as the catalogue describes and orders them.
	Scopes preset.Catalogue
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
	// Selected says that it was shared before.
	Selected bool
}

// ProjectChoice is a project that the subject may share.
type ProjectChoice struct {
	Project
	SharedRole role.Role
	Selected   bool
}

// Evaluator decides when a subject is asked, and what a page shows of grants.
type Evaluator struct {
	Grants    Reader
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
	live, known, err := e.live(ctx, req)
	if err != nil {
		return Evaluation{}, err
	}
	mine, err := e.Directory.Shareable(ctx, req.Sub)
	if err != nil {
		return Evaluation{}, fmt.Errorf("list resources of subject: %w", err)
	}
	choices := e.choices(scope, live, mine)
	return Evaluation{
		Required: required(situation{
			request: req, scope: scope, grant: live, known: known,
			kinds: KindsOf(e.Scopes, scope), choices: choices, policy: e.Policy,
		}),
		Grant:   live,
		Choices: choices,
	}, nil
}

// live returns nil when there is no live grant, and whether the subject knows the
// client as what it comes as.
func (e *Evaluator) live(ctx context.Context, req Request) (live *Grant, known bool, err error) {
	as := IdentityOf(req.Client.Name, req.Client.WorkspaceID, req.RedirectURI)
	g, known, err := e.Grants.FindPair(ctx, req.Sub, req.Client.ID, as)
	if errors.Is(err, ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("find grant: %w", err)
	}
	return &g, known, nil
}

// choices is what a page shows of scope, with what the grant shares selected. The
// grant may be nil.
func (e *Evaluator) choices(scope oauth.Scope, live *Grant, mine Resources) Choices {
	shown := Choices{
		WorkspaceLevel: e.Scopes.Level(scope, preset.Workspace),
		ProjectLevel:   e.Scopes.Level(scope, preset.Project),
	}
	for _, s := range e.Scopes {
		if scope.Contains(s.Name) {
			shown.Scopes = append(shown.Scopes, s)
		}
	}
	var before Grant
	if live != nil {
		before = *live
	}
	kinds := KindsOf(e.Scopes, scope)
	if kinds.Workspaces {
		shown.SingleWorkspace = e.Policy.SingleWorkspace
		shown.Workspaces = workspaceChoices(mine.Workspaces, before.Workspaces, shown.WorkspaceLevel)
	}
	if kinds.Projects {
		shown.Projects = projectChoices(mine.Projects, before.Projects, shown.ProjectLevel)
	}
	return shown
}

func workspaceChoices(mine []Workspace, before []SharedWorkspace, level role.Role) []WorkspaceChoice {
	choices := make([]WorkspaceChoice, 0, len(mine))
	for _, w := range mine {
		choices = append(choices, WorkspaceChoice{
			Workspace:  w,
			SharedRole: role.Min(level, w.Role),
			Selected:   slices.Contains(before, w.shared()),
		})
	}
	return choices
}

func projectChoices(mine []Project, before []SharedProject, level role.Role) []ProjectChoice {
	choices := make([]ProjectChoice, 0, len(mine))
	for _, p := range mine {
		choices = append(choices, ProjectChoice{
			Project:    p,
			SharedRole: role.Min(level, p.Workspace.Role),
			Selected:   slices.Contains(before, p.shared()),
		})
	}
	return choices
}
