package view

import (
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
)

// levels is what a resource is shared with or would be, and what else it can be
// shared with. It is nil where that cannot be changed.
func (s Sharing) levels(kind preset.Kind, id string, r resource) *pages.LevelChoice {
	switch {
	case !s.editable:
		return nil
	case s.ladder(kind) != nil:
		return &pages.LevelChoice{Steps: true, Options: s.steps(kind, id, r)}
	default:
		return s.permissions(kind, id, r)
	}
}

// steps has one option for each step that the person's role allows, and for what
// the client has. To leave that as it is says nothing: what it stands for may have
// changed since the page was shown.
func (s Sharing) steps(kind preset.Kind, id string, r resource) []pages.LevelOption {
	chosen := s.chosen(kind, id, r)
	has := oauth.Scope(strings.Fields(r.GetApprovedScope()))
	var options []pages.LevelOption
	if r.GetSelected() && !s.step(kind, has) {
		options = append(options, pages.LevelOption{Label: strings.Join(s.told(has).Sentences, ", "), Selected: slices.Equal(chosen, has)})
	}
	for _, step := range s.within(kind, r) {
		option := pages.LevelOption{Value: id + " " + step.Name, Label: title(step.Level.String()), Selected: slices.Equal(chosen, oauth.Scope{step.Name})}
		if slices.Equal(has, oauth.Scope{step.Name}) {
			option.Value = ""
		}
		options = append(options, option)
	}
	return options
}

// within are the steps that can be chosen for a resource: what the person's role
// allows, or at least the lowest, and what the client has.
func (s Sharing) within(kind preset.Kind, r resource) preset.Catalogue {
	offered := s.offered(kind)
	held, err := role.Parse(r.GetRole())
	var steps preset.Catalogue
	for _, step := range s.ladder(kind) {
		fits := err != nil || step.Level <= held || len(steps) == 0
		if has := r.GetApprovedScope() == step.Name; has || fits && offered.Contains(step.Name) {
			steps = append(steps, step)
		}
	}
	return steps
}

// permissions has a box for each scope, where none stands for all others.
func (s Sharing) permissions(kind preset.Kind, id string, r resource) *pages.LevelChoice {
	offered := s.offered(kind)
	had := s.scopes.Implied(strings.Fields(r.GetApprovedScope()))
	chosen := offered.Intersect(s.scopes.Implied(s.chosen(kind, id, r)))
	choice := &pages.LevelChoice{Had: id + " " + offered.Intersect(had).String(), Chosen: s.told(chosen)}
	for _, name := range offered {
		choice.Options = append(choice.Options, pages.LevelOption{
			Value: id + " " + name, Label: s.told(oauth.Scope{name}).Sentences[0], Selected: chosen.Contains(name),
		})
	}
	return choice
}

// chosen is the level that stands at a resource: what the person chose a moment
// ago, else what it is shared with, else as much as it can be.
func (s Sharing) chosen(kind preset.Kind, id string, r resource) oauth.Scope {
	_, shown := s.had[id]
	switch level := s.level[id]; {
	case shown || len(level) > 0:
		return level
	case r.GetSelected():
		return strings.Fields(r.GetApprovedScope())
	case s.ladder(kind) == nil:
		return s.offered(kind)
	}
	steps := s.within(kind, r).Names()
	return steps[max(0, len(steps)-1):]
}

// postedLevels reads every parameter of that name: an id, and scopes behind it.
func postedLevels(posted form.Values, name string) map[string]oauth.Scope {
	levels := make(map[string]oauth.Scope)
	for _, value := range posted.All(name) {
		id, scope, _ := strings.Cut(value, " ")
		levels[id] = append(append(oauth.Scope{}, levels[id]...), strings.Fields(scope)...)
	}
	return levels
}

// change is what the form says that a resource is to be shared with. It is empty
// where it says what the page did, or nothing, and none where no box is ticked of
// those that the page had.
func (s Sharing) change(id string) (level oauth.Scope, none bool) {
	had, shown := s.had[id]
	level = s.level[id]
	switch {
	case len(level) == 0:
		return nil, shown
	case shown && s.scopes.Highest(level).Equal(s.scopes.Highest(had)):
		return nil, false
	}
	return level, false
}

// Changes are those of what is ticked, by id, and what is missing.
func (s Sharing) Changes() (scopes map[string]string, missing []pages.FieldError) {
	scopes = make(map[string]string)
	add := func(id, name string, ticked bool) {
		level, none := s.change(id)
		switch {
		case !ticked:
		case none:
			missing = append(missing, pages.FieldError{Field: pages.LevelField(id), Complaint: pages.LevelMissing, Name: name})
		case len(level) > 0:
			scopes[id] = level.String()
		}
	}
	for _, w := range s.GetWorkspaces() {
		add(w.GetWorkspaceId(), w.GetName(), s.ticked("workspace", w.GetWorkspaceId(), w))
	}
	for _, p := range s.GetProjects() {
		add(p.GetProjectId(), p.GetName(), s.ticked("project", p.GetProjectId(), p))
	}
	return scopes, missing
}
