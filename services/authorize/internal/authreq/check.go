package authreq

import (
	"context"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// Checker judges authorization requests. It is safe for concurrent use.
type Checker struct {
	// Issuer is the iss of ID tokens, and a resource that is always known.
	Issuer string
	// Resources are the other values of resource that are known.
	Resources []string
	// Scopes is every scope there is.
	Scopes preset.Catalogue
	// RequiredScope is what every request must ask for; empty: anything will do.
	RequiredScope oauth.Scope
	// DefaultScope is what a request without scope asks for, where its client has no
	// default of its own; empty: the client's identity scopes.
	DefaultScope oauth.Scope
	// ScopeMandatory refuses such a request instead.
	ScopeMandatory bool
	// OfflineNeedsPrompt leaves offline_access out unless the request has
	// prompt=consent (OIDC Core §11).
	OfflineNeedsPrompt bool
}

// Keys has the public keys of ID tokens.
type Keys interface {
	IDTokenKeys(ctx context.Context) (jwks.PublicSet, error)
}

// rule is one rule. It says no with an *oauth.Error, and leaves what it parsed
// in the request.
type rule struct {
	name string // what holds when it passes
	spec string // where it is written
	run  func(*Checker, *Checked) error
}

// These come before anything is looked up, for there is no telling of what.
var beforeClient = []rule{
	{"client and redirect come once", "RFC 6749 §3.1", targetOnce},
	{"client_id is well-formed", "RFC 6749 §2.2", clientIDWellFormed},
}

// Until these pass there is nowhere safe to send the browser: a failure is shown
// to the user, not to the client (RFC 6749 §4.1.2.1).
var beforeRedirect = []rule{
	{"redirect_uri is registered", "RFC 9700 §2.1", redirectURIRegistered},
}

// A failure of one of these goes to the client, by way of redirect_uri. The
// order is part of the contract: the first failure is the one reported.
var afterRedirect = []rule{
	{"no parameter comes twice", "RFC 6749 §3.1", nothingRepeated},
	{"state can be returned", "RFC 6749 §4.1.2", stateReturnable},
	{"there is no request object", "OIDC Core §6.1", noRequestObject},
	{"there is no request_uri of another", "OIDC Core §6.2", noRequestURI},
	{"client may use codes", "RFC 6749 §4.1.2.1", grantTypeRegistered},
	{"response_type is code", "RFC 6749 §3.1.1", responseTypeCode},
	{"response_mode is known", "OIDC Core §3.1.2.1", responseModeKnown},
	{"scope is well-formed", "RFC 6749 §3.3", scopeParsed},
	{"scope is the user's to give", "RFC 6749 §3.3", scopeKnown},
	{"scope is registered", "RFC 6749 §3.3", scopeRegistered},
	{"scope has what every request needs", "OIDC Core §3.1.2.1", requiredAsked},
	{"prompt is known", "OIDC Core §3.1.2.1", promptKnown},
	{"something is asked for", "OIDC Core §11", somethingAsked},
	{"max_age is seconds", "OIDC Core §3.1.2.1", maxAgeSeconds},
	{"code_challenge is S256", "RFC 7636 §4.3, RFC 9700 §2.1.1", challengeS256},
	{"request was pushed if it must be", "RFC 9126 §6", pushedIfRequired},
	{"resource is known", "RFC 8707 §2", resourcesKnown},
	{"nonce can be returned", "OIDC Core §3.1.2.1", nonceReturnable},
	{"login_hint can be shown", "OIDC Core §3.1.2.1", loginHintShowable},
}

// BeforeClient checks what has to hold before the client, or a pushed request,
// is looked up. Its refusals are for the user.
func (c *Checker) BeforeClient(req Request) error {
	return c.apply(beforeClient, &Checked{Request: req})
}

// BeforeRedirect checks what has to hold before the client may be told anything.
// Its refusals are for the user.
func (c *Checker) BeforeRedirect(req Request, from client.Client) error {
	return c.apply(beforeRedirect, &Checked{Request: req, Client: from})
}

// AfterRedirect checks everything else, once [Checker.BeforeRedirect] has
// passed. An *oauth.Error is a refusal for the client; another error is a
// failure to ask keys.
func (c *Checker) AfterRedirect(ctx context.Context, req Request, from client.Client, keys Keys) (Checked, error) {
	checked := Checked{Request: req, Client: from}
	if err := c.apply(afterRedirect, &checked); err != nil {
		return Checked{}, err
	}
	if err := c.checkHint(ctx, &checked, keys); err != nil {
		return Checked{}, err
	}
	return checked, nil
}

func (c *Checker) apply(table []rule, checked *Checked) error {
	for _, r := range table {
		if err := r.run(c, checked); err != nil {
			return err
		}
	}
	return nil
}

// UnknownClient is the one refusal of a client_id that is absent, malformed, or
// nobody's.
func UnknownClient(cause error) error {
	return oauth.RefuseBecause(oauth.InvalidClient, "client_id names no client", cause)
}
