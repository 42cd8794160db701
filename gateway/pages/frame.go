package pages

// Frame is what stands around the account, developer and directory pages: where
// else one can go, and who is signed in.
type Frame struct {
	// Account is who is signed in; zero for nobody.
	Account AccountView
	// SignOut is the form that ends the session. It is shown while somebody is
	// signed in.
	SignOut Form
	// SignInURL is the path of the sign-in page, linked while nobody is signed
	// in. Empty leaves the link out.
	SignInURL string
	// AccountURL, DeveloperURL and DirectoryURL are the paths of the three parts.
	// An empty one is left out.
	AccountURL   string
	DeveloperURL string
	DirectoryURL string
	// Done is what has just been done; nil for nothing.
	Done *Done
}

// redirectTarget is none: these pages lead to no client.
func (Frame) redirectTarget() string { return "" }

// Done says at the top of a page what has just been done.
type Done struct {
	Outcome Outcome
	// Name is the client it was done to. It may be empty.
	Name string
}

// Outcome is what has been done.
type Outcome string

// The outcomes.
const (
	OutcomeAccessRevoked Outcome = "access-revoked"
	OutcomeAccessSaved   Outcome = "access-saved"
	OutcomeAppCreated    Outcome = "app-created"
	OutcomeAppSaved      Outcome = "app-saved"
	OutcomeAppDeleted    Outcome = "app-deleted"
	OutcomeSecretRevoked Outcome = "secret-revoked"
	OutcomeLogoSaved     Outcome = "logo-saved"
	OutcomeLogoRemoved   Outcome = "logo-removed"
	// OutcomePasswordChanged stands for what ends with a password, too.
	OutcomePasswordChanged Outcome = "password-changed"
)

// Place is one of the parts that a [Frame] leads to.
type Place string

// The places.
const (
	PlaceAccount   Place = "account"
	PlaceDeveloper Place = "developer"
	PlaceDirectory Place = "directory"
)
