package pages

// Form is what every form that changes something carries.
type Form struct {
	// Action is the path the form is posted to, on our own origin.
	Action string
	// Transaction is the opaque handle of the pending authorization, posted as
	// tx. Empty for a form outside of any.
	Transaction string
	// Token ties the form to the session it was shown in, posted as
	// form_token.
	Token string
	// SessionMark names the session whose account the page shows, posted as
	// session_mark. Empty for a page that shows none.
	SessionMark string
}

// Suffix tells the ids of one form's elements from those of another on the same
// page. It is empty where there is only one.
func (Form) Suffix() string { return "" }

// ClientView is an OAuth client as a person sees it. Only Name is required;
// the zero value stands for no client.
type ClientView struct {
	Name string
	// LogoURL is a path on our own origin. Any other address counts as no
	// logo.
	LogoURL string
	// Owner is who registered the client, as the platform knows them. It may be
	// empty.
	Owner string
	// HomepageURL, PolicyURL and TermsURL are http or https addresses. Any
	// other counts as absent.
	HomepageURL string
	PolicyURL   string
	TermsURL    string
	// Unverified marks a client that no operator has vetted. Its homepage is shown
	// as its own claim.
	Unverified bool
}

// AccountView is a signed-in person.
type AccountView struct {
	// Name is how the person is addressed. Empty means that Username serves.
	Name string
	// Username is what the person signs in with.
	Username string
}

// DisplayName is Name, or Username where there is none.
func (a AccountView) DisplayName() string {
	if plain(a.Name) == "" {
		return a.Username
	}
	return a.Name
}

// Field is a form field that a complaint can stand at.
type Field string

// The fields of the forms. FieldNone is a complaint about the form as a whole.
const (
	FieldNone         Field = ""
	FieldUsername     Field = "username"
	FieldPassword     Field = "password"
	FieldWorkspace    Field = "workspace"
	FieldProject      Field = "project"
	FieldName         Field = "name"
	FieldDescription  Field = "description"
	FieldHomepageURL  Field = "homepage_url"
	FieldRedirectURIs Field = "redirect_uris"
	FieldClientType   Field = "client_type"
	FieldAuthMethod   Field = "token_endpoint_auth_method"
	FieldScope        Field = "scope"
	FieldVisibility   Field = "visibility"
	FieldPolicyURL    Field = "policy_url"
	FieldTermsURL     Field = "terms_url"
	FieldConfirmName  Field = "confirm_name"
	FieldLogo         Field = "logo"
	FieldNewPassword  Field = "new_password"
	// FieldRepeatPassword is FieldNewPassword once more.
	FieldRepeatPassword Field = "repeat_password"
)

// Complaint is a sentence that says why a form was not accepted.
type Complaint string

// The complaints a form may be shown again with.
const (
	UsernameMissing  Complaint = "complaint.username"
	PasswordMissing  Complaint = "complaint.password"
	SignInRefused    Complaint = "complaint.refused"
	TooManyAttempts  Complaint = "complaint.attempts"
	TooManyToday     Complaint = "complaint.attempts-today"
	PasswordWrong    Complaint = "complaint.password-wrong"
	PasswordShort    Complaint = "complaint.password-short"
	PasswordLong     Complaint = "complaint.password-long"
	PasswordDiffers  Complaint = "complaint.password-differs"
	WorkspaceMissing Complaint = "complaint.workspace"
	ProjectMissing   Complaint = "complaint.project"
	ChoiceChanged    Complaint = "complaint.changed"
	TryAgain         Complaint = "complaint.again"
	NothingShared    Complaint = "complaint.nothing-shared"
	NameDiffers      Complaint = "complaint.name-differs"
	LogoMissing      Complaint = "complaint.logo-missing"
	LogoUnusable     Complaint = "complaint.logo-unusable"
	TooMany          Complaint = "complaint.too-many"
	ScopeMissing     Complaint = "complaint.scope"
	LevelMissing     Complaint = "complaint.level"
	AppChanged       Complaint = "complaint.app-changed"
)

// FieldError is one complaint and the field it stands at.
type FieldError struct {
	Field Field
	// Complaint is a sentence of ours. Empty where Text says it.
	Complaint Complaint
	// Name is that of the thing it is about, where the sentence names one.
	Name string
	// Text is a sentence for developers, shown as it is, instead of a
	// Complaint.
	Text string
}

// FormError is why a form is shown again. Nil means that it is shown for the
// first time.
type FormError struct {
	// Errors are in the order of the fields. At least one.
	Errors []FieldError
}

// fieldErrors returns the complaints of e that stand at field. Its parameters
// are the template's: e may be nil.
func fieldErrors(e *FormError, field Field) []FieldError {
	if e == nil {
		return nil
	}
	var out []FieldError
	for _, fe := range e.Errors {
		if fe.Field == field {
			out = append(out, fe)
		}
	}
	return out
}
