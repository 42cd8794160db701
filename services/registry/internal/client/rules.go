package client

import (
	"time"

	"github.com/chancery-auth/chancery/pkg/preset"
)

// Policy is what the rules have to know of the provider.
type Policy struct {
	// Brand is the platform's name; empty protects none.
	Brand string
	// Issuer is the provider's issuer, whose origin no client has; empty protects none.
	Issuer string
	// Demo is the path at that origin below which there is an app all the same; empty
	// for none.
	Demo string
	// Scopes is every scope there is.
	Scopes preset.Catalogue
	// RefreshAbsolute bounds refresh token lifetimes.
	RefreshAbsolute time.Duration
	// RefreshToken and RefreshWindow are the lifetime and the window of clients that,
	// as their kind, have none of their own.
	RefreshToken  time.Duration
	RefreshWindow preset.Window
	// Clients is what clients are where they do not say.
	Clients preset.Clients
	// Registration is about the clients that register themselves.
	Registration preset.Registration
}

// PolicyOf returns the policy of a provider.
func PolicyOf(p preset.Preset) Policy {
	return Policy{
		Brand:           p.Brand.Name,
		Scopes:          p.Scopes,
		RefreshAbsolute: p.Lifetimes.RefreshAbsolute,
		RefreshToken:    p.Lifetimes.RefreshToken,
		RefreshWindow:   p.Refresh.Window,
		Clients:         p.Clients,
		Registration:    p.Registration,
	}
}

// rule is one thing that holds of every registered client. It says no with a
// *fault.Error of kind Invalid that names the field.
type rule struct {
	name string // what holds when it passes
	spec string // where it is written; empty for a choice of ours
	run  func(Client, Policy) error
}

// rules returns every rule, in the order in which they are reported: first
// what sort of client it is, then what that sort may have. A rule relies on
// those before it.
func rules() []rule {
	return []rule{
		{"name reads as it is written", "RFC 9700 §4.15", nameReadsAsWritten},
		{"name is not the platform's", "RFC 9700 §4.15", nameIsNotThePlatforms},
		{"description reads as it is written", "RFC 9700 §4.15", descriptionReadsAsWritten},

		{"owner is a workspace", "", ownerKnown},
		{"visibility is known", "", visibilityKnown},
		{"internal clients have an owner", "", internalHasOwner},
		{"client_kind is known", "", kindKnown},
		{"registered clients are as the preset has them", "", registeredAsPreset},

		{"application_type is known", "OIDC Registration §2", applicationTypeKnown},
		{"authentication methods are known", "RFC 7591 §2", authMethodsKnown},
		{"the method that is told is among all", "OIDC RP Metadata Choices §2", authMethodsAgree},
		{"no authentication stands alone", "RFC 6749 §2.1", noneStandsAlone},
		{"native clients have no credentials", "RFC 8252 §8.5", nativeHasNoCredentials},
		{"private_key_jwt has keys", "RFC 7591 §2", assertionsHaveKeys},
		{"keys are public and strong", "RFC 7517 §5", keysUsable},

		{"grant types are known", "RFC 7591 §2", grantTypesKnown},
		{"client_credentials is authenticated", "RFC 6749 §4.4", clientCredentialsAuthenticated},
		{"refresh tokens come from codes", "RFC 6749 §4.4.3", refreshComesFromCode},
		{"redirect URIs go with codes", "RFC 7591 §2", redirectURIsGoWithCodes},
		{"redirect URIs are few and distinct", "", redirectURIsDistinct},
		{"redirect URIs are safe", "RFC 8252 §7, RFC 9700 §4.1", redirectURIsSafe},

		{"scope is in the catalogue", "RFC 6749 §3.3", scopeKnown},
		{"rights of the client itself are authenticated", "RFC 7662 §2.1", clientScopeAuthenticated},
		{"registered clients have no rights of their own", "RFC 7662 §2.1", registeredScope},
		{"default scope is in scope", "RFC 6749 §3.3", defaultScopeAllowed},

		{"pages are web pages", "RFC 7591 §2", pagesOnTheWeb},
		{"nothing is on the issuer's origin", "", offTheIssuer},
		{"public clients use PKCE", "RFC 9700 §2.1.1", publicUsesPKCE},
		{"PKCE is used where it must be", "RFC 9700 §2.1.1", usesPKCEWhereMandatory},
		{"ID tokens have a known algorithm", "OIDC Registration §2", signingAlgKnown},
		{"audience is absolute URIs", "RFC 8707 §2", audienceAbsolute},
		{"lifetimes are bounded", "", lifetimesBounded},
		{"windows are no longer than refresh tokens live", "", windowFits},
		{"rotation is known", "", rotationKnown},
		{"public clients rotate", "RFC 9700 §4.14.2", publicRotates},
	}
}

// changeRules are the rules of an update, beside those of every client.
func changeRules() []changeRule {
	return []changeRule{
		{"application_type stays", "", applicationTypeStays},
		{"owner stays", "", ownerStays},
	}
}

// changeRule is one thing that holds of every update.
type changeRule struct {
	name string // what holds when it passes
	spec string // where it is written; empty for a choice of ours
	run  func(old, c Client) error
}

// checkChange runs every rule of an update and of what it leads to.
func (c Client) checkChange(old Client, p Policy) error {
	for _, r := range changeRules() {
		if err := r.run(old, c); err != nil {
			return err
		}
	}
	return c.check(p)
}

// check runs every rule in order, and reports the first that fails.
func (c Client) check(p Policy) error {
	for _, r := range rules() {
		if err := r.run(c, p); err != nil {
			return err
		}
	}
	return nil
}
