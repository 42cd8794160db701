package pages

import "time"

// DeveloperApps lists the clients of each workspace in which a person is an
// admin.
type DeveloperApps struct {
	Frame

	Workspaces []DeveloperWorkspace
}

func (DeveloperApps) template() string { return "developer" }

// Place is where the page stands.
func (DeveloperApps) Place() Place { return PlaceDeveloper }

// DeveloperWorkspace is a workspace with its clients.
type DeveloperWorkspace struct {
	Name string
	Apps []DeveloperEntry
	// NewURL is the path of the form for a new client of this workspace.
	NewURL string
}

// DeveloperEntry is one client of the list.
type DeveloperEntry struct {
	Client     ClientView
	ClientID   string
	ClientType ClientType
	Visibility Visibility
	// LastUse is when the client last authenticated; zero if it never did.
	LastUse time.Time
	// EditURL is the path of its form.
	EditURL string
}

// ClientType is the application_type of a client (OIDC Dynamic Client
// Registration §2), posted as client_type.
type ClientType string

// The types of clients.
const (
	TypeWeb    ClientType = "web"
	TypeNative ClientType = "native"
)

// Visibility is who may authorize a client, posted as visibility.
type Visibility string

// The visibilities.
const (
	VisibilityInternal Visibility = "internal"
	VisibilityUnlisted Visibility = "unlisted"
	VisibilityPublic   Visibility = "public"
)

// DeveloperHead is the client that a developer page is about, with the paths of
// the pages about it.
type DeveloperHead struct {
	Client   ClientView
	ClientID string
	// Workspace is the name of the workspace that owns it.
	Workspace   string
	EditURL     string
	SecretsURL  string
	LogoFormURL string
	DeleteURL   string
}

// DeveloperApp is the form for a new client, or to change one. It posts the
// fields of [AppFields] under the names of their [Field] constants, scope once
// for each ticked value, and the hidden workspace_id or revision.
type DeveloperApp struct {
	Frame
	Form

	// Head has no ClientID and no paths for a new client.
	Head DeveloperHead
	// WorkspaceID is posted as workspace_id, for a new client.
	WorkspaceID string
	// Revision is posted as revision: which state of the client was edited.
	Revision string
	Fields   AppFields
	// Groups are the scopes the client may have.
	Groups []ScopeOptionGroup
	// AuthMethods are the values of token_endpoint_auth_method that can be
	// chosen: client_secret_basic, client_secret_post, private_key_jwt, none, or
	// several of them separated by a space.
	AuthMethods []string
	// CancelURL is the path that leads back without a change.
	CancelURL string
	// ReloadURL is set where somebody else has changed the client meanwhile: the
	// path that shows its present state.
	ReloadURL string
	Err       *FormError
}

func (DeveloperApp) template() string { return "developer-app" }

// Place is where the page stands.
func (DeveloperApp) Place() Place { return PlaceDeveloper }

// Tab is the page among those of one client.
func (DeveloperApp) Tab() string { return "settings" }

// New says whether the form is for a client that does not exist yet.
func (p DeveloperApp) New() bool { return p.Head.ClientID == "" }

// AppFields is what stands in the fields of a [DeveloperApp]: as stored, or as
// typed when the form is shown again.
type AppFields struct {
	Name        string
	Description string
	HomepageURL string
	PolicyURL   string
	TermsURL    string
	// RedirectURIs has one a line.
	RedirectURIs string
	ClientType   ClientType
	// AuthMethod is the token_endpoint_auth_method, or several separated by a
	// space. Empty, for a new client, is the usual of its type.
	AuthMethod string
	Visibility Visibility
}

// ScopeOptionGroup is a part of the scope catalogue to choose from.
type ScopeOptionGroup struct {
	Title  string
	Scopes []ScopeOption
}

// ScopeOption is a scope that a client may have.
type ScopeOption struct {
	ScopeView
	Selected bool
}

// DeveloperSecrets lists the secrets of a client, and shows a new one this
// once. Its forms post action=create, or action=revoke with secret_id.
type DeveloperSecrets struct {
	Frame
	Form

	Head DeveloperHead
	// Created says that the client has just been registered.
	Created bool
	// NewSecret is shown this once; empty if none was made.
	NewSecret string
	// Secretless says that the client's authentication method has no secret.
	Secretless bool
	Secrets    []SecretView
	Err        *FormError
}

func (DeveloperSecrets) template() string { return "developer-secrets" }

// Place is where the page stands.
func (DeveloperSecrets) Place() Place { return PlaceDeveloper }

// Tab is the page among those of one client.
func (DeveloperSecrets) Tab() string { return "secrets" }

// SecretView is a client secret without the secret itself.
type SecretView struct {
	// ID is posted as secret_id.
	ID string
	// Hint is the last four characters.
	Hint   string
	Create time.Time
	// LastUse is zero if it was never used.
	LastUse time.Time
}

// DeveloperDelete asks for the client's name before it is deleted. The form
// posts confirm_name.
type DeveloperDelete struct {
	Frame
	Form

	Head DeveloperHead
	// Typed is what was typed before.
	Typed string
	Err   *FormError
}

func (DeveloperDelete) template() string { return "developer-delete" }

// Place is where the page stands.
func (DeveloperDelete) Place() Place { return PlaceDeveloper }

// Tab is the page among those of one client.
func (DeveloperDelete) Tab() string { return "delete" }

// DeveloperLogo replaces or removes a client's logo. The form is
// multipart/form-data with the file logo, and posts action=upload or
// action=remove.
type DeveloperLogo struct {
	Frame
	Form

	Head DeveloperHead
	Err  *FormError
}

func (DeveloperLogo) template() string { return "developer-logo" }

// Place is where the page stands.
func (DeveloperLogo) Place() Place { return PlaceDeveloper }

// Tab is the page among those of one client.
func (DeveloperLogo) Tab() string { return "logo" }
