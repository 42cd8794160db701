package client

import (
	"net/url"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// WebOrigins returns the origins of the client's redirect URIs, in their
// serialised form (RFC 6454 §6.2), each once. A private-use scheme has none,
// nor has a loopback address of a native client: what answers there is the app
// itself and no page of it.
func (c Client) WebOrigins() []string {
	var origins []string
	for _, uri := range c.RedirectURIs {
		origin, ok := webOrigin(uri, c.ApplicationType)
		if ok && !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	return origins
}

func webOrigin(uri string, of oauth.ApplicationType) (origin string, ok bool) {
	u, err := url.Parse(uri)
	if err != nil {
		return "", false
	}
	host := strings.ToLower(u.Host)
	switch {
	case u.Scheme == "https":
		return "https://" + strings.TrimSuffix(host, ":443"), true
	case u.Scheme == "http" && of != oauth.ApplicationNative:
		return "http://" + strings.TrimSuffix(host, ":80"), true
	}
	return "", false
}
