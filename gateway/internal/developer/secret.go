package developer

import (
	"net/http"
	"strings"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/desk"
	"github.com/chancery-auth/chancery/gateway/internal/link"
	"github.com/chancery-auth/chancery/gateway/internal/view"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

func (p *Pages) showSecrets(w http.ResponseWriter, _ *http.Request, v *desk.Visitor, app *registryv1.GetAppResponse) error {
	return p.Render(w, v.Status, secretsPage(v, app))
}

func secretsPage(v *desk.Visitor, app *registryv1.GetAppResponse) pages.DeveloperSecrets {
	head := headOf(app)
	page := pages.DeveloperSecrets{Frame: v.Frame(pages.OutcomeSecretRevoked), Form: v.Form(head.SecretsURL), Head: head, Err: v.Wrong}
	page.Secretless = !strings.Contains(authMethod(app.GetApp()), "client_secret_")
	for _, s := range app.GetSecrets() {
		page.Secrets = append(page.Secrets, pages.SecretView{
			ID: s.GetSecretId(), Hint: s.GetHint(), Create: view.Time(s.GetCreateTime()), LastUse: view.Time(s.GetLastUseTime()),
		})
	}
	return page
}

func (p *Pages) actOnSecrets(w http.ResponseWriter, r *http.Request, v *desk.Visitor, app *registryv1.GetAppResponse) error {
	switch v.Posted.Get("action") {
	case "create":
		return p.createSecret(w, r, v, app)
	case "revoke":
		return p.revokeSecret(w, r, v, app)
	default:
		return oauth.Refuse(oauth.InvalidRequest, "action must be create or revoke")
	}
}

// createSecret shows a new secret in its own answer. Everything else that the
// page has is read before: a secret that is not seen is of no use.
func (p *Pages) createSecret(w http.ResponseWriter, r *http.Request, v *desk.Visitor, app *registryv1.GetAppResponse) error {
	id := app.GetApp().GetClientId()
	resp, err := p.Developer.CreateAppSecret(r.Context(), &registryv1.CreateAppSecretRequest{Sub: v.Sub, ClientId: id})
	if err != nil {
		return secretFailure(err)
	}
	v.Take(w)
	if now, err := p.get(r, v, id); err == nil {
		app = now
	}
	page := secretsPage(v, app)
	page.NewSecret = resp.GetClientSecret()
	return p.Render(w, http.StatusCreated, page)
}

func (p *Pages) revokeSecret(w http.ResponseWriter, r *http.Request, v *desk.Visitor, app *registryv1.GetAppResponse) error {
	id := app.GetApp().GetClientId()
	_, err := p.Developer.RevokeAppSecret(r.Context(), &registryv1.RevokeAppSecretRequest{Sub: v.Sub, ClientId: id, SecretId: v.Posted.Get("secret_id")})
	if err != nil {
		return secretFailure(err)
	}
	v.Take(w)
	return desk.Done(w, link.To(link.Secrets, id), pages.OutcomeSecretRevoked)
}

// secretFailure is a failed call about secrets. What the page can say stands on it.
func secretFailure(err error) error {
	switch f := answer.FaultOf(err); f.Kind {
	case fault.Exhausted:
		return answer.Complain(http.StatusBadRequest, pages.FieldError{Complaint: pages.TooMany})
	case fault.Invalid:
		return answer.Complain(http.StatusBadRequest, pages.FieldError{Text: f.Message})
	default:
		return failure(err)
	}
}
