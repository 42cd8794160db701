package grant

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// Identity is by what a subject knows a client: its name, the workspace that owns
// it, and where its answers go. It is a digest of the three. The zero value is
// nobody's.
type Identity [sha256.Size]byte

// IdentityOf returns the identity of a client of that name and owner, empty for
// none, whose answer goes to redirectURI. Every redirect URI on one host is the
// same to a subject, who is shown the host. Without a redirect URI it is zero.
func IdentityOf(name, workspaceID, redirectURI string) Identity {
	if redirectURI == "" {
		return Identity{}
	}
	var b []byte
	for _, part := range []string{name, workspaceID, destination(redirectURI)} {
		// With its length before it, no part can pass for the end of another.
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}

// destination is the host of a redirect URI, or the scheme and the host of one
// with a scheme of private use: there, it is the scheme that belongs to the app.
func destination(redirectURI string) string {
	scheme, rest, _ := strings.Cut(redirectURI, ":")
	switch scheme = strings.ToLower(scheme); scheme {
	case "https", "http":
		return strings.ToLower(oauth.RedirectHost(redirectURI))
	}
	authority, found := strings.CutPrefix(rest, "//")
	if !found {
		return scheme + ":"
	}
	if end := strings.IndexAny(authority, "/?#"); end >= 0 {
		authority = authority[:end]
	}
	return scheme + "://" + strings.ToLower(authority)
}

// identitiesNow are those that c can come as now.
func identitiesNow(c client.Client) []Identity {
	var list []Identity
	for _, uri := range c.RedirectURIs {
		if as := IdentityOf(c.Name, c.WorkspaceID, uri); !slices.Contains(list, as) {
			list = append(list, as)
		}
	}
	return list
}
