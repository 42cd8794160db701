package grant

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// situation is what the rules look at.
type situation struct {
	request    Request
	identified bool // it can be told as what the client comes
	kinds      Kinds
	// plain is the part of the request that selects nothing, and allowed what of
	// that kind the client was allowed as it comes now.
	plain, allowed oauth.Scope
	// workspaces and projects are those that it was allowed, and that are left to
	// share.
	workspaces, projects coverage
	policy               preset.Consent
}

// coverage is how much of what was allowed would do for a request.
type coverage struct {
	allowed  int        // how many resources were allowed something
	covering []Resource // those of them that were allowed all that is requested
}

func (c *coverage) add(r Resource, covers bool) { //nolint:revive // flag-parameter: it is data, not control.
	c.allowed++
	if covers {
		c.covering = append(c.covering, r)
	}
}

// partly says that some would not do.
func (c *coverage) partly() bool { return len(c.covering) < c.allowed }

// chosen is the one workspace that would do, where one is to be chosen; else nil.
func (s situation) chosen() uuid.UUID {
	if !s.policy.SingleWorkspace || !s.kinds.Workspaces || len(s.workspaces.covering) != 1 {
		return uuid.Nil
	}
	return s.workspaces.covering[0].ID
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
	{"nobody answers for the client", "RFC 6749 §10.2", unvetted},
	{"anybody can pose as the client", "RFC 6749 §10.2, RFC 8252 §8.6", impersonable},
	{"the platform's own client needs no selection", "", ownClient},
	{"it cannot be told as what the client comes", "RFC 9700 §4.15", unidentified},
	{"more is requested than the client was allowed as it comes now", "RFC 9700 §4.15", moreScope},
	{"nothing of what was shared is left", "", nothingLeft},
	{"something was shared with less than is requested", "", lessShared},
	{"none or several would do where one is to be chosen", "", undecided},
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

// unvetted lets a workspace answer for its apps: it is part of what the subject
// knows them as.
func unvetted(s situation) verdict {
	return askIf(!s.request.Client.Vetted && s.request.Client.WorkspaceID == "")
}

func ownClient(s situation) verdict {
	if s.request.Client.SkipConsent && s.kinds == (Kinds{}) {
		return skip
	}
	return pass
}

func unidentified(s situation) verdict { return askIf(!s.identified) }

func moreScope(s situation) verdict { return askIf(!s.plain.SubsetOf(s.allowed)) }

// nothingLeft asks for each kind apart: a client that asks for projects has no
// use for the workspaces that are left.
func nothingLeft(s situation) verdict {
	return askIf(s.kinds.Workspaces && s.workspaces.allowed == 0 || s.kinds.Projects && s.projects.allowed == 0)
}

// lessShared asks where some would do and some would not: a client that silently
// got the former would be taken to have them all.
func lessShared(s situation) verdict {
	return askIf(s.kinds.Workspaces && !s.policy.SingleWorkspace && s.workspaces.partly() || s.kinds.Projects && s.projects.partly())
}

func undecided(s situation) verdict {
	return askIf(s.kinds.Workspaces && s.policy.SingleWorkspace && len(s.workspaces.covering) != 1)
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
