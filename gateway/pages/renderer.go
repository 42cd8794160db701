package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed templates
var templateFiles embed.FS

// Page is one of the views of this package: [SignIn], [ConfirmAccount],
// [Consent], [Error], [FormPost] or [Message]; [AuthorizedApps] or
// [AuthorizedAppRevoke]; [DeveloperApps], [DeveloperApp], [DeveloperSecrets],
// [DeveloperLogo] or [DeveloperDelete]; [Directory].
type Page interface {
	// template is the base name of the page's file below templates.
	template() string
	// redirectTarget is the validated redirect URI that answering the page's
	// form may lead to, or empty.
	redirectTarget() string
}

// Renderer writes pages in one brand. It is safe for concurrent use.
type Renderer struct {
	pages  map[string]*template.Template
	assets assetSet
}

// New prepares every page for brand. Fails if a colour is malformed or too
// pale to read, or the logo's media type is not an image that browsers show.
func New(brand Brand) (*Renderer, error) {
	return newRenderer(brand, english())
}

func newRenderer(brand Brand, text catalogue) (*Renderer, error) {
	brand, err := brand.complete()
	if err != nil {
		return nil, fmt.Errorf("check brand: %w", err)
	}
	assets, err := newAssetSet(brand)
	if err != nil {
		return nil, fmt.Errorf("load assets: %w", err)
	}
	layout, err := template.New("layout").Funcs(functions(brand, assets, text)).
		ParseFS(templateFiles, "templates/layout.gohtml", "templates/frame.gohtml",
			"templates/parts.gohtml", "templates/choice.gohtml")
	if err != nil {
		return nil, fmt.Errorf("parse layout: %w", err)
	}
	r := &Renderer{pages: make(map[string]*template.Template), assets: assets}
	for _, p := range allPages() {
		if r.pages[p.template()], err = parsePage(layout, p.template()); err != nil {
			return nil, fmt.Errorf("parse page %s: %w", p.template(), err)
		}
	}
	return r, nil
}

// allPages is one of each kind.
func allPages() []Page {
	return []Page{
		SignIn{},
		ConfirmAccount{},
		Consent{},
		Error{},
		FormPost{},
		Message{},
		AuthorizedApps{},
		AuthorizedAppRevoke{},
		ChangePassword{},
		DeveloperApps{},
		DeveloperApp{},
		DeveloperSecrets{},
		DeveloperLogo{},
		DeveloperDelete{},
		Directory{},
	}
}

func parsePage(layout *template.Template, name string) (*template.Template, error) {
	page, err := layout.Clone()
	if err != nil {
		return nil, err
	}
	return page.ParseFS(templateFiles, "templates/"+name+".gohtml")
}

// Render writes p with the given status and every header a page needs.
//
// The page is complete before the first byte is sent. If it cannot be made,
// because a view holds an address it must not hold, the answer is a plain 500
// and the error is returned for the log. An error of w itself is returned too.
func (r *Renderer) Render(w http.ResponseWriter, status int, p Page) error {
	body, policy, err := r.execute(p)
	if err != nil {
		setHeaders(w.Header(), contentSecurityPolicy(""))
		http.Error(w, "The page could not be shown. Try again in a moment.", http.StatusInternalServerError)
		return fmt.Errorf("render %s page: %w", p.template(), err)
	}
	setHeaders(w.Header(), policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("write %s page: %w", p.template(), err)
	}
	return nil
}

func (r *Renderer) execute(p Page) (body []byte, policy string, err error) {
	target, err := formActionSource(p.redirectTarget())
	if err != nil {
		return nil, "", err
	}
	var out bytes.Buffer
	if err := r.pages[p.template()].ExecuteTemplate(&out, "layout", p); err != nil {
		return nil, "", err
	}
	return out.Bytes(), contentSecurityPolicy(target), nil
}
