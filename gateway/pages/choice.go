package pages

import "slices"

// WorkspaceChoice lists the workspaces that may be shared.
type WorkspaceChoice struct {
	// Single asks for exactly one.
	Single bool
	// Pinned lists those that are shared alone: another one is chosen when the client
	// asks for it.
	Pinned  bool
	Options []WorkspaceView
}

// Held says whether the client has something already in what is asked about.
func (c WorkspaceChoice) Held() bool {
	return slices.ContainsFunc(c.Options, func(w WorkspaceView) bool { return w.Levels == nil && w.Held.Any() })
}

// RoleView is a person's role in a workspace.
type RoleView struct {
	// Name is the role, such as "Member".
	Name string
	// Asked is the role the client asked for, set only where it is above Name
	// and so is not what will be shared.
	Asked string
}

// WorkspaceView is a workspace that may be shared.
type WorkspaceView struct {
	ID       string
	Name     string
	Role     RoleView
	Selected bool
	Held     HeldView
	// Levels is nil where nothing but the tick can be changed.
	Levels *LevelChoice
}

// ProjectChoice lists the projects that may be shared, by workspace.
type ProjectChoice struct {
	// Single asks for exactly one.
	Single     bool
	Workspaces []ProjectGroup
}

// Count is the number of projects in all workspaces.
func (c ProjectChoice) Count() int {
	n := 0
	for _, w := range c.Workspaces {
		n += len(w.Projects)
	}
	return n
}

// Held says whether the client has something already in what is asked about.
func (c ProjectChoice) Held() bool {
	return slices.ContainsFunc(c.Workspaces, func(w ProjectGroup) bool {
		return slices.ContainsFunc(w.Projects, func(p ProjectView) bool { return p.Levels == nil && p.Held.Any() })
	})
}

// ProjectGroup is the projects of one workspace. A group without projects is
// not shown.
type ProjectGroup struct {
	Workspace string
	Role      RoleView
	Projects  []ProjectView
}

// ProjectView is a project that may be shared.
type ProjectView struct {
	ID   string
	Name string
	// Role is what the group's role does not say already of this one.
	Role     RoleView
	Selected bool
	Held     HeldView
	// Levels is nil where nothing but the tick can be changed.
	Levels *LevelChoice
}

// HeldView is what a client has at a resource. The zero value is nothing.
type HeldView struct {
	// Role says it in a word, such as "Admin".
	Role string
	// Sentences say it where no role does, such as "Tag images".
	Sentences []string
}

// Any says whether there is something.
func (h HeldView) Any() bool { return h.Role != "" || len(h.Sentences) > 0 }

// Of many sentences the first few are told, and that there are more.
const (
	fewSentences = 3
	toldOfMany   = 2
)

// Told are the sentences that a line has room for.
func (h HeldView) Told() []string {
	if len(h.Sentences) > fewSentences {
		return h.Sentences[:toldOfMany]
	}
	return h.Sentences
}

// More is how many others there are.
func (h HeldView) More() int { return len(h.Sentences) - len(h.Told()) }

// LevelChoice is what a resource is shared with, once it is ticked.
type LevelChoice struct {
	// Steps asks for exactly one of the options, each of which stands for those
	// before it. Otherwise any of them are ticked, at least one.
	Steps   bool
	Options []LevelOption
	// Had is posted as had, and Chosen said, where there are no steps: the id, and
	// the scopes that were ticked when the page was first shown; what is ticked now.
	Had    string
	Chosen HeldView
}

// LevelOption is one of them.
type LevelOption struct {
	// Value is posted as level: the id and the scope. Empty leaves things as they
	// are.
	Value string
	// Label is a role, such as "Admin", or a scope in words. Empty: what is shared
	// now has no words.
	Label    string
	Selected bool
}

// LevelField is the field of what the resource of that id is shared with.
func LevelField(id string) Field { return Field("level-" + id) }

// levelView is a level with what stands around it.
type levelView struct {
	*LevelChoice
	Name   string // of the resource
	Field  Field
	Suffix string
	Errors []FieldError
}

func newLevel(e *FormError, choice *LevelChoice, id, name, suffix string) levelView {
	field := LevelField(id)
	return levelView{LevelChoice: choice, Name: name, Field: field, Suffix: suffix, Errors: fieldErrors(e, field)}
}
