package developer

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"unicode/utf8"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/desk"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/internal/link"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

const (
	// MaxLogoForm is the most bytes in the form around a logo.
	MaxLogoForm = 320 << 10
	// maxLogoBytes leaves room for the rest of the message in a call of 256 KiB,
	// the longest there may be.
	maxLogoBytes = 255 << 10
	// maxLogoFields is how many parts the form may have, and maxFieldBytes how
	// long one may be that is no file.
	maxLogoFields = 8
	maxFieldBytes = 4 << 10
)

func (p *Pages) showLogo(w http.ResponseWriter, _ *http.Request, v *desk.Visitor, app *registryv1.GetAppResponse) error {
	head := headOf(app)
	return p.Render(w, v.Status, pages.DeveloperLogo{
		Frame: v.Frame(pages.OutcomeLogoSaved, pages.OutcomeLogoRemoved), Form: v.Form(head.LogoFormURL), Head: head, Err: v.Wrong,
	})
}

func (p *Pages) actOnLogo(w http.ResponseWriter, r *http.Request, v *desk.Visitor, app *registryv1.GetAppResponse) error {
	var image []byte
	outcome := pages.OutcomeLogoRemoved
	switch v.Posted.Get("action") {
	case "remove":
	case "upload":
		image, outcome = v.File, pages.OutcomeLogoSaved
		if len(image) == 0 {
			return logoAgain(pages.LogoMissing)
		}
		if len(image) > maxLogoBytes {
			return logoAgain(pages.LogoUnusable)
		}
	default:
		return oauth.Refuse(oauth.InvalidRequest, "action must be upload or remove")
	}
	id := app.GetApp().GetClientId()
	_, err := p.Developer.SetAppLogo(r.Context(), &registryv1.SetAppLogoRequest{Sub: v.Sub, ClientId: id, Image: image})
	switch {
	case err == nil:
		return desk.Done(w, link.To(link.LogoForm, id), outcome)
	case answer.FaultOf(err).Kind == fault.Invalid:
		return logoAgain(pages.LogoUnusable)
	default:
		return failure(err)
	}
}

func logoAgain(complaint pages.Complaint) error {
	return answer.Complain(http.StatusBadRequest, pages.FieldError{Field: pages.FieldLogo, Complaint: complaint})
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
		limit = MaxLogoForm
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
