// Package directory has the directory of the apps that are open to everybody, and
// their logos.
//
// It needs no session, and shows who is signed in if somebody is. The one thing to get
// right is that it says of an app what the registry makes public, and nothing else.
package directory

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/desk"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/internal/link"
	"github.com/chancery-auth/chancery/gateway/internal/view"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

const (
	// appsPerPage is how many apps a page of the directory shows.
	appsPerPage = 30
	// maxQuery is the longest search in characters.
	maxQuery = 120
)

// Directory lists apps.
type Directory struct {
	*desk.Desks
	Registry   registryv1.RegistryServiceClient
	Workspaces directoryv1.DirectoryServiceClient
}

// Apps is the page that lists them.
func (d *Directory) Apps(w http.ResponseWriter, r *http.Request) error {
	query, err := form.Query(r)
	if err != nil {
		return err
	}
	if err := query.Once(); err != nil {
		return err
	}
	search := strings.TrimSpace(query.Get("q"))
	if utf8.RuneCountInString(search) > maxQuery {
		return oauth.Refuse(oauth.InvalidRequest, "q is longer than 120 characters")
	}
	resp, err := d.Registry.ListPublicClients(r.Context(), &registryv1.ListPublicClientsRequest{
		PageSize: appsPerPage, PageToken: query.Get("page"), Query: search,
	})
	if err != nil {
		return err
	}
	page := pages.Directory{Frame: d.PublicFrame(r), Query: search}
	owners := view.OwnersOf(r, d.Answers, d.Workspaces, resp.GetClients()...)
	for _, c := range resp.GetClients() {
		page.Apps = append(page.Apps, pages.DirectoryApp{Client: view.Client(c, owners), Description: c.GetDescription()})
	}
	if token := resp.GetNextPageToken(); token != "" {
		page.NextURL = link.Directory + "?" + url.Values{"q": {search}, "page": {token}}.Encode()
	}
	return d.Render(w, http.StatusOK, page)
}

// Logo serves an uploaded logo. Its name is the digest of what was uploaded, so
// that it is the same for ever.
func (d *Directory) Logo(w http.ResponseWriter, r *http.Request) error {
	digest, png := strings.CutSuffix(r.PathValue("file"), ".png")
	if !png || !isDigest(digest) {
		return answer.ErrAbsent
	}
	resp, err := d.Registry.GetLogo(r.Context(), &registryv1.GetLogoRequest{LogoDigest: digest})
	switch {
	case answer.FaultOf(err).Kind == fault.NotFound:
		return answer.ErrAbsent
	case err != nil:
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "image/png")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, _ = w.Write(resp.GetPng()) // A client that is gone needs no answer.
	return nil
}

// isDigest reports whether s is a SHA-256 in hexadecimal.
func isDigest(s string) bool {
	return len(s) == 64 && !strings.ContainsFunc(s, func(c rune) bool {
		return ('0' > c || c > '9') && ('a' > c || c > 'f')
	})
}
