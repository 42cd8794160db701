package pages

// Consent asks whether a client may have what it asked for. The form posts
// decision=allow or decision=deny with the chosen workspaces and projects; a
// second form posts action=switch to use another account.
type Consent struct {
	Form

	Client  ClientView
	Account AccountView
	// RedirectURI is the validated redirect URI. The page names its host and
	// is allowed to lead there.
	RedirectURI string
	// SwitchAction is the path the second form is posted to.
	SwitchAction string
	// ManageURL is the path of the page where access is taken back. Empty
	// leaves the sentence about it out.
	ManageURL string
	Groups    []ScopeGroup
	// APIs are the URIs of those that the access is for; empty: none in particular.
	APIs []string
	// Workspaces and Projects are nil where no scope asks for a choice.
	Workspaces *WorkspaceChoice
	Projects   *ProjectChoice
	Err        *FormError
}

func (Consent) template() string         { return "consent" }
func (p Consent) redirectTarget() string { return p.RedirectURI }

// Empty says whether a choice is asked for that has nothing to choose from,
// so that allowing cannot succeed.
func (p Consent) Empty() bool {
	return p.Workspaces != nil && len(p.Workspaces.Options) == 0 ||
		p.Projects != nil && p.Projects.Count() == 0
}

// ScopeGroup is a part of the scope catalogue.
type ScopeGroup struct {
	// Title may be empty where there is only one group.
	Title  string
	Scopes []ScopeView
}

// ScopeView is one scope in words.
type ScopeView struct {
	// Name is the scope token, as developers know it.
	Name string
	// Sentence goes on from "This will allow it to", such as "See your name".
	Sentence string
	// Detail says exactly what is covered. It may be empty.
	Detail string
	Risk   Risk
}

// Risk is what deserves a second thought about a scope.
type Risk string

// The risks, from the least to the greatest.
const (
	RiskNone    Risk = ""
	RiskWrite   Risk = "write"
	RiskOffline Risk = "offline"
	RiskAdmin   Risk = "admin"
)
