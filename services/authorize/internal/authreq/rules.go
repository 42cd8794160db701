package authreq

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

const (
	maxClientIDBytes  = 256
	maxResources      = 10
	maxLoginHintBytes = 256
)

// targetOnce keeps a second value from naming another client, or another place
// to send the answer to.
func targetOnce(_ *Checker, r *Checked) error {
	for _, name := range []string{"client_id", "redirect_uri", "request_uri"} {
		if r.repeated(name) {
			return oauth.Refuse(oauth.InvalidRequest, name+" comes more than once")
		}
	}
	return nil
}

// clientIDWellFormed refuses what no client has as its id, before anybody is
// asked about it: RFC 6749 Appendix A.1 has printable ASCII only.
func clientIDWellFormed(_ *Checker, r *Checked) error {
	outside := func(c rune) bool { return c < ' ' || c > '~' }
	if r.ClientID == "" || len(r.ClientID) > maxClientIDBytes || strings.ContainsFunc(r.ClientID, outside) {
		return UnknownClient(nil)
	}
	return nil
}

// redirectURIRegistered never falls back to a registered URI: who gets the
// answer is to be said in the request.
func redirectURIRegistered(_ *Checker, r *Checked) error {
	if r.RedirectURI == "" {
		return oauth.Refuse(oauth.InvalidRequest, "redirect_uri is required")
	}
	if !r.Client.RedirectsTo(r.RedirectURI) {
		return oauth.Refuse(oauth.InvalidRequest, "redirect_uri is not one that the client has registered")
	}
	return nil
}

func nothingRepeated(_ *Checker, r *Checked) error {
	for _, name := range r.Repeated {
		// RFC 8707 §2.
		if name != "resource" {
			return oauth.Refuse(oauth.InvalidRequest, "a parameter comes more than once")
		}
	}
	return nil
}

func stateReturnable(_ *Checker, r *Checked) error { return oauth.CheckState(r.State) }

func noRequestObject(_ *Checker, r *Checked) error {
	if r.RequestObject != "" {
		return oauth.Refuse(oauth.RequestNotSupported, "request is not supported; push the request instead")
	}
	return nil
}

// noRequestURI refuses what is left of request_uri once pushed requests are
// found: it would have to be fetched, and nothing is fetched for a stranger.
func noRequestURI(_ *Checker, r *Checked) error {
	if r.RequestURI != "" {
		return oauth.Refuse(oauth.RequestURINotSupported, "request_uri must be one that the pushed authorization request endpoint gave")
	}
	return nil
}

func grantTypeRegistered(_ *Checker, r *Checked) error {
	if !slices.Contains(r.Client.GrantTypes, oauth.GrantAuthorizationCode) {
		return oauth.Refuse(oauth.UnauthorizedClient, "client is not registered for grant_type authorization_code")
	}
	return nil
}

func responseTypeCode(_ *Checker, r *Checked) error { return oauth.CheckResponseType(r.ResponseType) }

func responseModeKnown(_ *Checker, r *Checked) error {
	_, err := r.responseMode()
	return err
}

func scopeParsed(c *Checker, r *Checked) (err error) {
	if r.Scope != "" {
		r.Asked, err = oauth.ParseScope(r.Scope)
		return err
	}
	if r.Asked = c.askedByDefault(r.Client); len(r.Asked) == 0 {
		return oauth.Refuse(oauth.InvalidScope, "scope is required: the client has no default")
	}
	return nil
}

// askedByDefault is what a request without scope asks for: nothing beyond who the
// user is, unless somebody has decided on more. Only where the client's default or
// the preset's has it, is it offline_access, which is else for a client to ask for
// in so many words (OIDC Core §11).
func (c *Checker) askedByDefault(of client.Client) oauth.Scope {
	if len(of.DefaultScope) > 0 {
		return of.DefaultScope
	}
	if c.ScopeMandatory {
		return nil
	}
	if asked := c.DefaultScope.Intersect(of.Scope); len(asked) > 0 {
		return asked
	}
	return c.Scopes.Names(preset.Identity).Without("offline_access").Intersect(of.Scope)
}

func scopeKnown(c *Checker, r *Checked) error {
	for _, name := range r.Asked {
		if s, known := c.Scopes.Find(name); !known || s.Kind == preset.Client {
			return oauth.Refuse(oauth.InvalidScope, "scope has a value that a user cannot grant")
		}
	}
	return nil
}

func scopeRegistered(_ *Checker, r *Checked) error {
	if !r.Asked.SubsetOf(r.Client.Scope) {
		return oauth.Refuse(oauth.InvalidScope, "scope has a value that the client is not registered for")
	}
	return nil
}

func requiredAsked(c *Checker, r *Checked) error {
	if !c.RequiredScope.SubsetOf(r.Asked) {
		return oauth.Refuse(oauth.InvalidScope, "scope must have "+c.RequiredScope.String())
	}
	return nil
}

func promptKnown(_ *Checker, r *Checked) (err error) {
	r.Prompts, err = oauth.ParsePrompt(r.Prompt)
	return err
}

// somethingAsked leaves offline_access out where the user would not see it asked
// for: without a word, because OIDC Core §11 has it ignored.
func somethingAsked(c *Checker, r *Checked) error {
	if c.OfflineNeedsPrompt && !r.Prompts.Has(oauth.PromptConsent) {
		r.Asked = r.Asked.Without("offline_access")
	}
	if len(r.Asked) == 0 {
		return oauth.Refuse(oauth.InvalidScope, "scope offline_access needs prompt=consent, and nothing else is asked for")
	}
	return nil
}

func maxAgeSeconds(_ *Checker, r *Checked) error {
	seconds, present, err := oauth.ParseMaxAge(r.MaxAge)
	if present {
		freshness := time.Duration(seconds) * time.Second
		r.Freshness = &freshness
	}
	return err
}

// challengeS256 lets a client leave PKCE out if that is registered, but not do
// it badly.
func challengeS256(_ *Checker, r *Checked) error {
	if !r.Client.RequirePKCE && r.CodeChallenge == "" && r.CodeChallengeMethod == "" {
		return nil
	}
	return oauth.CheckChallenge(r.CodeChallenge, r.CodeChallengeMethod)
}

func pushedIfRequired(_ *Checker, r *Checked) error {
	if r.Client.RequirePushed && !r.Pushed {
		return oauth.Refuse(oauth.InvalidRequest, "client is registered to push its authorization requests")
	}
	return nil
}

func resourcesKnown(c *Checker, r *Checked) error {
	if len(r.Resource) > maxResources {
		return oauth.Refuse(oauth.InvalidTarget, "resource comes more than ten times")
	}
	for _, resource := range r.Resource {
		if err := oauth.CheckResource(resource); err != nil {
			return err
		}
		if resource != c.Issuer && !slices.Contains(c.Resources, resource) {
			return oauth.Refuse(oauth.InvalidTarget, "resource is unknown")
		}
		if !slices.Contains(r.Resources, resource) {
			r.Resources = append(r.Resources, resource)
		}
	}
	return nil
}

func nonceReturnable(_ *Checker, r *Checked) error { return oauth.CheckNonce(r.Nonce) }

// loginHintShowable bounds what a stranger may write on the sign-in page.
func loginHintShowable(_ *Checker, r *Checked) error {
	if len(r.LoginHint) > maxLoginHintBytes || strings.ContainsFunc(r.LoginHint, unicode.IsControl) {
		return oauth.Refuse(oauth.InvalidRequest, "login_hint must be at most 256 bytes without control characters")
	}
	return nil
}
