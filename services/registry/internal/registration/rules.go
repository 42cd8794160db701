package registration

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

const (
	responseCode  = "code"   // RFC 6749 §3.1.1
	subjectPublic = "public" // OIDC Core §8
)

// rule is one thing that holds of what a client says of itself, beside the rules
// of every client. It says no with one of the error codes of RFC 7591 §3.2.2.
type rule struct {
	name string // what holds when it passes
	spec string // where it is written; empty for a choice of ours
	run  func(Metadata) error
}

// rules returns every rule, in the order in which they are reported: first what
// would have something fetched or believed, then what does not fit together.
func rules() []rule {
	return []rule{
		{"no statement of others", "RFC 7591 §3.2.2", noSoftwareStatement},
		{"keys come by value", "RFC 7591 §2", keysByValue},
		{"subjects are public", "OIDC Core §8", subjectsPublic},
		{"no sector identifier", "OIDC Core §8.1", noSectorIdentifier},
		{"there are redirect URIs", "RFC 7591 §2", redirectURIsThere},
		{"tokens are asked of users", "", tokensAskedOfUsers},
		{"response types go with grant types", "RFC 7591 §2.1", responseTypesFit},
		{"pages are of public hosts", "", pagesPublic},
	}
}

// check runs every rule in order, and reports the first that fails.
func (m Metadata) check() error {
	for _, r := range rules() {
		if err := r.run(m); err != nil {
			return err
		}
	}
	return nil
}

func refuseMetadata(description string) error {
	return oauth.Refuse(oauth.InvalidClientMetadata, description)
}

// noSoftwareStatement: nobody's are trusted. To ignore one would be to register
// what its maker did not sign.
func noSoftwareStatement(m Metadata) error {
	if m.SoftwareStatement != "" {
		return oauth.Refuse(oauth.InvalidSoftwareStatement, "software_statement is not supported")
	}
	return nil
}

func keysByValue(m Metadata) error {
	if m.JWKSURI != "" {
		return refuseMetadata("jwks_uri is not supported: nothing is fetched, send jwks alone")
	}
	return nil
}

func subjectsPublic(m Metadata) error {
	if m.SubjectType != "" && m.SubjectType != subjectPublic {
		return refuseMetadata("subject_type must be public")
	}
	return nil
}

func noSectorIdentifier(m Metadata) error {
	if m.SectorIdentifierURI != "" {
		return refuseMetadata("sector_identifier_uri is not supported")
	}
	return nil
}

func redirectURIsThere(m Metadata) error {
	if len(m.RedirectURIs) == 0 {
		return oauth.Refuse(oauth.InvalidRedirectURI, "redirect_uris is required")
	}
	return nil
}

// tokensAskedOfUsers: a client that nobody vouches for gets what a user allows it,
// and nothing for itself (RFC 6749 §4.4).
func tokensAskedOfUsers(m Metadata) error {
	if slices.Contains(m.GrantTypes, oauth.GrantClientCredentials) {
		return refuseMetadata("grant_types of a client that registers itself must not have client_credentials")
	}
	return nil
}

// responseTypesFit relies on redirectURIsThere: every client here uses codes.
func responseTypesFit(m Metadata) error {
	if len(m.ResponseTypes) > 0 && !slices.Equal(m.ResponseTypes, []string{responseCode}) {
		return refuseMetadata("response_types must be code alone, which is that of authorization_code")
	}
	return nil
}

// pagesPublic keeps strangers from having users sent to what only the users'
// machines can reach: this machine, its network, the metadata of a cloud.
func pagesPublic(m Metadata) error {
	for _, page := range []struct{ field, uri string }{
		{"client_uri", m.ClientURI},
		{"logo_uri", m.LogoURI},
		{"policy_uri", m.PolicyURI},
		{"tos_uri", m.TosURI},
	} {
		if page.uri != "" && !isPublicPage(page.uri) {
			return refuseMetadata(page.field + " must be an https URL with the name of a public host and no port")
		}
	}
	return nil
}

func isPublicPage(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" || u.Port() != "" && u.Port() != "443" {
		return false
	}
	return isPublicName(strings.ToLower(u.Hostname()))
}

// isPublicName refuses addresses, in every form that some parser knows them by,
// and names that are of no public zone (RFC 6761, RFC 6762, RFC 8375).
func isPublicName(host string) bool {
	host = strings.TrimSuffix(host, ".")
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	dot := strings.LastIndexByte(host, '.')
	if dot < 1 {
		return false
	}
	switch zone := host[dot+1:]; {
	case zone == "" || '0' <= zone[0] && zone[0] <= '9':
		// 0177.1, 0x7f.1, 127.0x1: a name that ends in a number is an address.
		return false
	default:
		return !slices.Contains([]string{"localhost", "local", "internal", "arpa"}, zone)
	}
}
