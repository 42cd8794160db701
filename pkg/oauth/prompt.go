package oauth

import "strings"

// Prompt is the set of prompt values of an authorization request (OIDC Core
// §3.1.2.1). The zero value is no prompt parameter.
type Prompt uint8

const (
	// PromptNone asks that no page be shown. It is never with another.
	PromptNone Prompt = 1 << iota
	// PromptLogin asks that the user sign in again.
	PromptLogin
	// PromptConsent asks that the user be asked, whatever was allowed before.
	PromptConsent
	// PromptSelectAccount asks that the user choose an account.
	PromptSelectAccount
)

// ParsePrompt reads a prompt parameter; an empty one is absent. Fails with
// invalid_request.
func ParsePrompt(s string) (Prompt, error) {
	if s == "" {
		return 0, nil
	}
	var set Prompt
	for name := range strings.SplitSeq(s, " ") {
		p := promptNamed(name)
		if p == 0 {
			return 0, Refuse(InvalidRequest, "prompt must be of none, login, consent and select_account, separated by one space each")
		}
		set |= p
	}
	if set.Has(PromptNone) && set != PromptNone {
		return 0, Refuse(InvalidRequest, "prompt none cannot be with another")
	}
	return set, nil
}

// promptNamed returns zero for a name that is no prompt.
func promptNamed(name string) Prompt {
	switch name {
	case "none":
		return PromptNone
	case "login":
		return PromptLogin
	case "consent":
		return PromptConsent
	case "select_account":
		return PromptSelectAccount
	default:
		return 0
	}
}

// Has reports whether every value of other is in p.
func (p Prompt) Has(other Prompt) bool { return p&other == other }
