package grant

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// situation is what the rules look at.
type situation struct {
	request Request
	scope   oauth.Scope
	grant   *Grant // nil if there is none
	known   bool   // the client comes as what the subject allowed it as
	kinds   Kinds  // that scope selects
	choices Choices
	policy  preset.Consent
}

// verdict is what a rule says.
type verdict int

const (
	pass verdict = iota // leaves it to the rules behind it
	ask
	skip
)

// rule is one reason to ask the subject, or not to.
type rule struct {
	name string
	spec string // where it is written; empty for a choice of this server
	run  func(situation) verdict
}

// The first rule that does not pass decides; the subject is not asked when all
// of them pass.
var rules = []rule{
	{"the client asks for the page", "OIDC Core §3.1.2.1", promptConsent},
	{"nobody answers for the client", "RFC 6749 §10.2", unverified},
	{"anybody can pose as the client", "RFC 6749 §10.2, RFC 8252 §8.6", impersonable},
	{"the platform's own client needs no selection", "", ownClient},
	{"nothing was allowed yet", "", noGrant},
	{"the client is not the one that the subject knows", "RFC 9700 §4.15", unknownIdentity},
	{"more is requested than was allowed", "", moreScope},
	{"nothing of what was shared is left", "", nothingLeft},
}

// required says whether the subject must be asked.
func required(s situation) bool {
	for _, r := range rules {
		if v := r.run(s); v != pass {
			return v == ask
		}
	}
	return false
}

// askIf keeps the rules to one condition each.
func askIf(condition bool) verdict { //nolint:revive // flag-parameter: the condition is all there is.
	if condition {
		return ask
	}
	return pass
}

func promptConsent(s situation) verdict { return askIf(s.request.PromptConsent) }

// unverified lets a workspace answer for its apps: it is part of what the subject
// knows them as.
func unverified(s situation) verdict {
	return askIf(s.request.Client.Unverified && s.request.Client.WorkspaceID == "")
}

func ownClient(s situation) verdict {
	if s.request.Client.SkipConsent && s.kinds == (Kinds{}) {
		return skip
	}
	return pass
}

func noGrant(s situation) verdict { return askIf(s.grant == nil) }

// unknownIdentity asks about a client that has got another name or owner, or sends
// the user to another host. What the platform vouches for, it may also change.
func unknownIdentity(s situation) verdict { return askIf(!s.known && !s.request.Client.SkipConsent) }

func moreScope(s situation) verdict { return askIf(!s.scope.SubsetOf(s.grant.Scope)) }

// nothingLeft asks for each kind apart: a client that asks for projects has no
// use for the workspaces that are left.
func nothingLeft(s situation) verdict {
	workspaces := slices.ContainsFunc(s.choices.Workspaces, func(c WorkspaceChoice) bool { return c.Selected })
	projects := slices.ContainsFunc(s.choices.Projects, func(c ProjectChoice) bool { return c.Selected })
	return askIf(s.kinds.Workspaces && !workspaces || s.kinds.Projects && !projects)
}

// impersonable asks for a client without credentials, unless its answer can only
// go to a web server whose name it owns: any program on the user's machine can
// claim a private-use scheme or listen on the loopback interface. It asks for every
// answer that goes to the user's machine: where nothing listens, the code stays in
// the address, which a user can be talked into passing on.
func impersonable(s situation) verdict {
	c := s.request.Client
	owned := len(c.RedirectURIs) > 0 && !slices.ContainsFunc(c.RedirectURIs, func(uri string) bool { return !ownedHost(uri) })
	local := s.request.RedirectURI != "" && !ownedHost(s.request.RedirectURI)
	return askIf(!s.policy.SkipPublic && (c.Public && !owned || local))
}

// ownedHost says whether the redirect URI leads over https to a host that is not
// this machine.
func ownedHost(redirectURI string) bool {
	host := strings.ToLower(oauth.RedirectHost(redirectURI))
	if !strings.HasPrefix(redirectURI, "https://") || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return false
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err != nil || !addr.Unmap().IsLoopback() && !addr.IsUnspecified()
}
