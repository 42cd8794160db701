package pages

// SignIn asks for username and password. The form posts action=sign-in, or
// action=cancel with whatever is in the fields.
type SignIn struct {
	Form

	// Client is who the person signs in for. Zero where they sign in to the
	// platform's own pages, and where a pending authorization is for a client
	// that only some may know of.
	Client ClientView
	// Next is the path of our own that the person wants to see, posted as next.
	// Empty in an authorization.
	Next string
	// RedirectURI is the validated redirect URI of the request, where
	// cancelling or a skipped consent leads. Empty without a client.
	RedirectURI string
	// Username fills the field: what was typed before, or the request's
	// login_hint (OIDC Core §3.1.2.1).
	Username string
	Err      *FormError
}

func (SignIn) template() string         { return "signin" }
func (p SignIn) redirectTarget() string { return p.RedirectURI }

// Unnamed says whether the sign-in is for a client that is not to be named.
func (p SignIn) Unnamed() bool { return p.Client.Name == "" && p.Transaction != "" }

// ConfirmAccount asks which account to go on with (prompt=select_account of
// OIDC Core §3.1.2.1). The form posts action=continue or action=switch.
type ConfirmAccount struct {
	Form

	Client  ClientView
	Account AccountView
	// RedirectURI is the validated redirect URI of the request: a skipped
	// consent leads there.
	RedirectURI string
	Err         *FormError
}

func (ConfirmAccount) template() string         { return "account" }
func (p ConfirmAccount) redirectTarget() string { return p.RedirectURI }
