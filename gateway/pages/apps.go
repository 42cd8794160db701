package pages

import "time"

// AuthorizedApps is what a person has allowed, one section for each client.
// Each section is a form that posts grant_id with action=save, the chosen
// workspaces and projects, and as level what each is shared with; or with
// action=revoke, which asks for confirmation with [AuthorizedAppRevoke].
type AuthorizedApps struct {
	Frame
	Form

	Apps []AuthorizedApp
	// NextURL is the path of the next page of the list; empty on the last.
	NextURL string
	// PasswordURL is the path of [ChangePassword]. Empty leaves the link out.
	PasswordURL string
}

func (AuthorizedApps) template() string { return "apps" }

// Place is where the page stands.
func (AuthorizedApps) Place() Place { return PlaceAccount }

// Err is the error of the one section that has any, for the title.
func (p AuthorizedApps) Err() *FormError {
	for _, a := range p.Apps {
		if a.Err != nil {
			return a.Err
		}
	}
	return nil
}

// AuthorizedApp is one grant.
type AuthorizedApp struct {
	// GrantID is posted as grant_id.
	GrantID string
	// Revision is posted as revision: what is added is for the client as it is shown.
	Revision string
	Client   ClientView
	// Since is when the person allowed it, LastUse when it was last used; zero
	// if it never was.
	Since   time.Time
	LastUse time.Time
	// Repeated is when a refresh token of the client last came again soon after it
	// was replaced, Late when one came so late that its connection was ended; zero
	// if none did.
	Repeated time.Time
	Late     time.Time
	Groups   []ScopeGroup
	// Workspaces and Projects are nil where no granted scope asks for a choice.
	Workspaces *WorkspaceChoice
	Projects   *ProjectChoice
	// Err is why the section is shown again. At most one section of a page has
	// one.
	Err *FormError
}

// Suffix tells the ids of this section's elements from those of others.
func (a AuthorizedApp) Suffix() string { return "-" + a.GrantID }

// Editable says whether there is anything to choose from.
func (a AuthorizedApp) Editable() bool {
	return a.Workspaces != nil && len(a.Workspaces.Options) > 0 || a.Projects != nil && a.Projects.Count() > 0
}

// AuthorizedAppRevoke asks whether access is to be taken back, and says what
// ends. The form posts grant_id with action=confirm-revoke.
type AuthorizedAppRevoke struct {
	Frame
	Form

	GrantID string
	Client  ClientView
	Groups  []ScopeGroup
	// Shared are the names of the workspaces and projects the client loses.
	Shared []string
	// BackURL is the path that leads back without a change.
	BackURL string
}

func (AuthorizedAppRevoke) template() string { return "revoke" }

// Place is where the page stands.
func (AuthorizedAppRevoke) Place() Place { return PlaceAccount }

// ChangePassword asks for the present password and a new one. The form posts
// password, new_password and repeat_password.
type ChangePassword struct {
	Frame
	Form

	// MinLength is how many characters the new password has at least.
	MinLength int
	// BackURL is the path that leads back without a change.
	BackURL string
	Err     *FormError
}

func (ChangePassword) template() string { return "password" }

// Place is where the page stands.
func (ChangePassword) Place() Place { return PlaceAccount }
