package gateway

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"unicode/utf8"

	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

const (
	// maxLogoBytes leaves room for the rest of the message in a call of 256 KiB,
	// the longest there may be; the form around the file has that of maxLogoForm.
	maxLogoBytes = 255 << 10
	maxLogoForm  = 320 << 10
	// maxLogoFields is how many parts the form may have, and maxFieldBytes how
	// long one may be that is no file.
	maxLogoFields = 8
	maxFieldBytes = 4 << 10
)

func (g *gateway) showLogo(w http.ResponseWriter, r *http.Request, v visitor) {
	if app, ok := g.app(w, r, v); ok {
		g.render(w, r, http.StatusOK, logoPage(v, app))
	}
}

func logoPage(v visitor, app *registryv1.GetAppResponse) pages.DeveloperLogo {
	head := developerHead(app)
	return pages.DeveloperLogo{
		Frame: v.frame(pages.OutcomeLogoSaved, pages.OutcomeLogoRemoved), Form: v.form(head.LogoFormURL), Head: head,
	}
}

func (g *gateway) actOnLogo(w http.ResponseWriter, r *http.Request, v visitor) {
	app, ok := g.app(w, r, v)
	if !ok {
		return
	}
	switch v.posted.Get("action") {
	case "remove":
		g.setLogo(w, r, v, app, nil)
	case "upload":
		g.uploadLogo(w, r, v, app)
	default:
		g.pageFailure(w, r, oauth.Refuse(oauth.InvalidRequest, "action must be upload or remove"))
	}
}

func (g *gateway) uploadLogo(w http.ResponseWriter, r *http.Request, v visitor, app *registryv1.GetAppResponse) {
	switch {
	case len(v.file) == 0:
		g.logoAgain(w, r, v, app, pages.LogoMissing)
	case len(v.file) > maxLogoBytes:
		g.logoAgain(w, r, v, app, pages.LogoUnusable)
	default:
		g.setLogo(w, r, v, app, v.file)
	}
}

// setLogo replaces the logo, or removes it where image is empty.
func (g *gateway) setLogo(w http.ResponseWriter, r *http.Request, v visitor, app *registryv1.GetAppResponse, image []byte) {
	id := app.GetApp().GetClientId()
	_, err := g.Developer.SetAppLogo(r.Context(), &registryv1.SetAppLogoRequest{Sub: v.sub, ClientId: id, Image: image})
	outcome := pages.OutcomeLogoSaved
	if len(image) == 0 {
		outcome = pages.OutcomeLogoRemoved
	}
	switch {
	case err == nil:
		seeOther(w, doneAt(pathOf(logoFormPath, id), outcome))
	case faultOf(err).Kind == fault.Invalid:
		g.logoAgain(w, r, v, app, pages.LogoUnusable)
	default:
		g.developerFailure(w, r, err)
	}
}

func (g *gateway) logoAgain(w http.ResponseWriter, r *http.Request, v visitor, app *registryv1.GetAppResponse, complaint pages.Complaint) {
	page := logoPage(v, app)
	page.Err = &pages.FormError{Errors: []pages.FieldError{{Field: pages.FieldLogo, Complaint: complaint}}}
	g.render(w, r, http.StatusBadRequest, page)
}

// logoForm reads a form with a file (RFC 7578). The edge has read the body and
// bounds it. Fails with invalid_request.
func logoForm(r *http.Request) (form.Values, []byte, error) {
	reader, err := r.MultipartReader()
	if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "multipart/form-data" {
		return nil, nil, oauth.RefuseBecause(oauth.InvalidRequest, "body must be multipart/form-data", err)
	}
	var values form.Values
	var file []byte
	for range maxLogoFields {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return values, file, nil
		}
		if err != nil {
			return nil, nil, oauth.RefuseBecause(oauth.InvalidRequest, "body is not well-formed", err)
		}
		value, err := logoField(part)
		if err != nil {
			return nil, nil, err
		}
		if part.FormName() == "logo" {
			// The file has its place among the values, so that two of them are too
			// many.
			file, value = value, nil
		}
		values = append(values, form.Parameter{Name: part.FormName(), Value: string(value)})
	}
	return nil, nil, oauth.Refuse(oauth.InvalidRequest, "request has too many parameters")
}

// logoField reads one part: the file as far as one can be too long, and any
// other as text. Fails with invalid_request for one that the form does not have.
func logoField(part *multipart.Part) ([]byte, error) {
	limit := int64(maxFieldBytes)
	switch part.FormName() {
	case "logo":
		limit = maxLogoForm
	case "form_token", "session_mark", "action":
	default:
		return nil, oauth.Refuse(oauth.InvalidRequest, "the form has no such field")
	}
	value, err := io.ReadAll(io.LimitReader(part, limit+1))
	switch {
	case err != nil:
		return nil, oauth.RefuseBecause(oauth.InvalidRequest, "body is not well-formed", err)
	case int64(len(value)) > limit:
		return nil, oauth.Refuse(oauth.InvalidRequest, "a parameter is too long")
	case limit == maxFieldBytes && !utf8.Valid(value):
		return nil, oauth.Refuse(oauth.InvalidRequest, "a parameter is not UTF-8, or has a NUL")
	}
	return value, nil
}
