package gateway

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

const (
	// appsPerPage is how many apps a page of the directory shows.
	appsPerPage = 30
	// maxQuery is the longest search in characters.
	maxQuery = 120
)

// appDirectory is the directory of the apps that are open to everybody. It needs
// no session; who has one sees it.
func (g *gateway) appDirectory(w http.ResponseWriter, r *http.Request) {
	query, err := form.Parse(r.URL.RawQuery, oauthForm())
	search := strings.TrimSpace(query.Get("q"))
	switch {
	case err != nil:
	case len(query.Repeated(form.Never)) > 0:
		err = oauth.Refuse(oauth.InvalidRequest, "a parameter comes more than once")
	case utf8.RuneCountInString(search) > maxQuery:
		err = oauth.Refuse(oauth.InvalidRequest, "q is longer than 120 characters")
	}
	if err != nil {
		g.pageFailure(w, r, err)
		return
	}
	resp, err := g.Registry.ListPublicClients(r.Context(), &registryv1.ListPublicClientsRequest{
		PageSize: appsPerPage, PageToken: query.Get("page"), Query: search,
	})
	if err != nil {
		g.pageFailure(w, r, err)
		return
	}
	page := pages.Directory{Frame: g.publicFrame(r), Query: search}
	owners := g.workspaceNames(r, resp.GetClients()...)
	for _, c := range resp.GetClients() {
		client := clientView(c)
		client.Owner = owners[c.GetWorkspaceId()]
		page.Apps = append(page.Apps, pages.DirectoryApp{Client: client, Description: c.GetDescription()})
	}
	if token := resp.GetNextPageToken(); token != "" {
		page.NextURL = directoryPath + "?" + url.Values{"q": {search}, "page": {token}}.Encode()
	}
	g.render(w, r, http.StatusOK, page)
}

// publicFrame is what stands around a page that needs no session, and goes on
// without one when it cannot be read.
func (g *gateway) publicFrame(r *http.Request) pages.Frame {
	who, err := g.signedIn(r)
	if err != nil || who == nil {
		frame := visitor{}.frame()
		frame.Account, frame.SignInURL = pages.AccountView{}, signInFor(accountAppsPath)
		return frame
	}
	session := cookieOf(r, sessionCookie)
	return visitor{account: who.GetAccount(), session: session}.frame()
}

// logo serves an uploaded logo. Its name is the digest of what was uploaded, so
// that it is the same for ever.
func (g *gateway) logo(w http.ResponseWriter, r *http.Request) {
	digest, png := strings.CutSuffix(r.PathValue("file"), ".png")
	if !png || !isDigest(digest) {
		g.absent(w, r)
		return
	}
	resp, err := g.Registry.GetLogo(r.Context(), &registryv1.GetLogoRequest{LogoDigest: digest})
	switch {
	case faultOf(err).Kind == fault.NotFound:
		g.absent(w, r)
		return
	case err != nil:
		g.pageFailure(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "image/png")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, _ = w.Write(resp.GetPng()) // A client that is gone needs no answer.
}

// isDigest reports whether s is a SHA-256 in hexadecimal.
func isDigest(s string) bool {
	return len(s) == 64 && !strings.ContainsFunc(s, func(c rune) bool {
		return ('0' > c || c > '9') && ('a' > c || c > 'f')
	})
}
