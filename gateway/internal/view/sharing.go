package view

import (
	"cmp"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// Choices are what a person may share: of what is asked for now, or of what was
// granted before.
type Choices interface {
	GetWorkspaceLevel() string
	GetWorkspaces() []*consentv1.WorkspaceChoice
	GetSingleWorkspace() bool
	GetProjectLevel() string
	GetProjects() []*consentv1.ProjectChoice
	GetLevels() []*registryv1.ScopeDescription
}

// resource is a workspace or a project that may be shared.
type resource interface {
	GetRole() string
	GetSelected() bool
	GetApprovedScope() string
	GetApprovedRole() string
}

// Sharing makes of choices what a page shows.
type Sharing struct {
	Choices
	scopes preset.Catalogue
	// posted has what the person chose a moment ago, nil for what is shared. Its
	// levels are by resource: those that the page had, and those that were chosen.
	posted     form.Values
	had, level map[string]oauth.Scope
	// editable is for the page on which it can be changed with what a resource is
	// shared.
	editable bool
}

// Asked is what a client asks to be shared. Posted has what the person chose a moment
// ago, nil for what is shared.
func Asked(of Choices, scopes preset.Catalogue, posted form.Values) Sharing {
	return Sharing{Choices: of, scopes: scopes, posted: posted, had: postedLevels(posted, "had"), level: postedLevels(posted, "level")}
}

// Granted is [Asked] for the page on which it can be changed with what each resource
// is shared.
func Granted(of Choices, scopes preset.Catalogue, posted form.Values) Sharing {
	s := Asked(of, scopes, posted)
	s.editable = true
	return s
}

// Workspaces is nil where no scope asks for workspaces.
func (s Sharing) Workspaces() *pages.WorkspaceChoice {
	if s.GetWorkspaceLevel() == "" {
		return nil
	}
	single := s.GetSingleWorkspace()
	choice := &pages.WorkspaceChoice{Single: single && !s.editable, Pinned: single && s.editable}
	undecided := choice.Single && s.posted == nil && sharedIn(s.GetWorkspaces()) > 1
	for _, w := range s.GetWorkspaces() {
		if choice.Pinned && !w.GetSelected() {
			continue
		}
		choice.Options = append(choice.Options, pages.WorkspaceView{
			ID:       w.GetWorkspaceId(),
			Name:     w.GetName(),
			Role:     s.roleIn(preset.Workspace, w.GetWorkspaceId(), w, s.GetWorkspaceLevel()),
			Selected: !undecided && s.ticked("workspace", w.GetWorkspaceId(), w),
			Held:     s.held(preset.Workspace, w),
			Levels:   s.levels(preset.Workspace, w.GetWorkspaceId(), w),
		})
	}
	return choice
}

// sharedIn counts the workspaces that are shared.
func sharedIn(workspaces []*consentv1.WorkspaceChoice) (n int) {
	for _, w := range workspaces {
		if w.GetSelected() {
			n++
		}
	}
	return n
}

// Projects is nil where no scope asks for projects. A person's role is that in the
// workspace; where it differs between projects the first one's is shown.
func (s Sharing) Projects() *pages.ProjectChoice {
	if s.GetProjectLevel() == "" {
		return nil
	}
	choice := &pages.ProjectChoice{}
	at := make(map[string]int)
	for _, p := range s.GetProjects() {
		i, known := at[p.GetWorkspaceId()]
		if !known {
			i = len(choice.Workspaces)
			at[p.GetWorkspaceId()] = i
			choice.Workspaces = append(choice.Workspaces, pages.ProjectGroup{Workspace: p.GetWorkspaceName(), Role: s.roleOfGroup(p)})
		}
		view := pages.ProjectView{
			ID:       p.GetProjectId(),
			Name:     p.GetName(),
			Selected: s.ticked("project", p.GetProjectId(), p),
			Held:     s.held(preset.Project, p),
			Levels:   s.levels(preset.Project, p.GetProjectId(), p),
		}
		if s.editable {
			view.Role = s.roleIn(preset.Project, p.GetProjectId(), p, s.GetProjectLevel())
		}
		choice.Workspaces[i].Projects = append(choice.Workspaces[i].Projects, view)
	}
	return choice
}

// roleOfGroup is the role for all projects of p's workspace. Where each is shared
// with something of its own, each says how that is capped.
func (s Sharing) roleOfGroup(p *consentv1.ProjectChoice) pages.RoleView {
	if s.editable {
		return pages.RoleView{Name: title(p.GetRole())}
	}
	return roleView(p.GetRole(), s.GetProjectLevel())
}

// ticked is what the person chose a moment ago, or else what was shared before.
func (s Sharing) ticked(name, id string, r resource) bool {
	if s.posted == nil {
		return r.GetSelected()
	}
	return slices.Contains(s.posted.All(name), id)
}

// roleIn is the person's role at a resource, and what of the level asked it does
// not allow: where that can be changed, the level that is chosen.
func (s Sharing) roleIn(kind preset.Kind, id string, r resource, asked string) pages.RoleView {
	if s.editable {
		asked = s.scopes.Level(s.chosen(kind, id, r), kind).String()
	}
	return roleView(r.GetRole(), asked)
}

// roleView says which role a person has, and which one was asked for if that is
// more.
func roleView(held, asked string) pages.RoleView {
	view := pages.RoleView{Name: title(held)}
	has, hasErr := role.Parse(held)
	wants, wantsErr := role.Parse(asked)
	if hasErr == nil && wantsErr == nil && wants > has {
		view.Asked = title(asked)
	}
	return view
}

// held is what the client has at a resource already: a role, where the scopes of
// the kind are a ladder, and else what each of them says.
func (s Sharing) held(kind preset.Kind, r resource) pages.HeldView {
	has := oauth.Scope(strings.Fields(r.GetApprovedScope()))
	if s.step(kind, has) {
		return pages.HeldView{Role: title(r.GetApprovedRole())}
	}
	return s.told(has)
}

// told is a scope in the words of its values.
func (s Sharing) told(scope oauth.Scope) pages.HeldView {
	var view pages.HeldView
	for _, name := range scope {
		i := slices.IndexFunc(s.GetLevels(), func(d *registryv1.ScopeDescription) bool { return d.GetName() == name })
		if i < 0 {
			view.Sentences = append(view.Sentences, name)
			continue
		}
		view.Sentences = append(view.Sentences, s.GetLevels()[i].GetDescription())
	}
	return view
}

// ladder is the scopes of the kind from the lowest, where each is of a higher level
// than the one before, and stands for it. Otherwise it is nil.
func (s Sharing) ladder(kind preset.Kind) preset.Catalogue {
	var steps preset.Catalogue
	for _, scope := range s.scopes {
		if scope.Kind == kind {
			steps = append(steps, scope)
		}
	}
	slices.SortStableFunc(steps, func(a, b preset.Scope) int { return cmp.Compare(a.Level, b.Level) })
	for i := 1; i < len(steps); i++ {
		above, below := steps[i], steps[i-1]
		if above.Level == below.Level || !s.scopes.Implied(oauth.Scope{above.Name}).Contains(below.Name) {
			return nil
		}
	}
	return steps
}

// step says whether scope is one step of the kind's ladder.
func (s Sharing) step(kind preset.Kind, scope oauth.Scope) bool {
	return len(scope) == 1 && s.ladder(kind).Names().Contains(scope[0])
}

// offered is what a resource of the kind can be shared with.
func (s Sharing) offered(kind preset.Kind) oauth.Scope {
	var names oauth.Scope
	for _, d := range s.GetLevels() {
		if d.GetKind() == kindOf[kind] {
			names = append(names, d.GetName())
		}
	}
	return names
}

var kindOf = map[preset.Kind]registryv1.ScopeDescription_Kind{
	preset.Workspace: registryv1.ScopeDescription_KIND_WORKSPACE,
	preset.Project:   registryv1.ScopeDescription_KIND_PROJECT,
}

func title(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// Complaints says what is missing from the selection, or that it does not fit what may
// be shared by now.
func Complaints(asked Choices, workspaces, projects []string) []pages.FieldError {
	var complaints []pages.FieldError
	if asked.GetWorkspaceLevel() != "" && len(workspaces) == 0 {
		complaints = append(complaints, pages.FieldError{Field: pages.FieldWorkspace, Complaint: pages.WorkspaceMissing})
	}
	if asked.GetProjectLevel() != "" && len(projects) == 0 {
		complaints = append(complaints, pages.FieldError{Field: pages.FieldProject, Complaint: pages.ProjectMissing})
	}
	if len(complaints) == 0 {
		complaints = append(complaints, pages.FieldError{Complaint: pages.ChoiceChanged})
	}
	return complaints
}
