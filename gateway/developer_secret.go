package gateway

import (
	"net/http"
	"strings"

	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

func (g *gateway) showSecrets(w http.ResponseWriter, r *http.Request, v visitor) {
	if app, ok := g.app(w, r, v); ok {
		g.render(w, r, http.StatusOK, secretsPage(v, app))
	}
}

func secretsPage(v visitor, app *registryv1.GetAppResponse) pages.DeveloperSecrets {
	head := developerHead(app)
	page := pages.DeveloperSecrets{Frame: v.frame(pages.OutcomeSecretRevoked), Form: v.form(head.SecretsURL), Head: head}
	page.Secretless = !strings.Contains(authMethod(app.GetApp()), "client_secret_")
	for _, s := range app.GetSecrets() {
		page.Secrets = append(page.Secrets, pages.SecretView{
			ID: s.GetSecretId(), Hint: s.GetHint(), Create: timeOf(s.GetCreateTime()), LastUse: timeOf(s.GetLastUseTime()),
		})
	}
	return page
}

func (g *gateway) actOnSecrets(w http.ResponseWriter, r *http.Request, v visitor) {
	switch v.posted.Get("action") {
	case "create":
		g.createSecret(w, r, v)
	case "revoke":
		g.revokeSecret(w, r, v)
	default:
		g.pageFailure(w, r, oauth.Refuse(oauth.InvalidRequest, "action must be create or revoke"))
	}
}

// createSecret shows a new secret in its own answer. Everything else that the
// page has is read before: a secret that nobody sees is of no use.
func (g *gateway) createSecret(w http.ResponseWriter, r *http.Request, v visitor) {
	app, ok := g.app(w, r, v)
	if !ok {
		return
	}
	resp, err := g.Developer.CreateAppSecret(r.Context(), &registryv1.CreateAppSecretRequest{Sub: v.sub, ClientId: app.GetApp().GetClientId()})
	if err != nil {
		g.secretsAgain(w, r, v, app, err)
		return
	}
	v.take(w)
	if now, err := g.Developer.GetApp(r.Context(), &registryv1.GetAppRequest{Sub: v.sub, ClientId: app.GetApp().GetClientId()}); err == nil {
		app = now
	}
	page := secretsPage(v, app)
	page.NewSecret = resp.GetClientSecret()
	g.render(w, r, http.StatusCreated, page)
}

func (g *gateway) revokeSecret(w http.ResponseWriter, r *http.Request, v visitor) {
	app, ok := g.app(w, r, v)
	if !ok {
		return
	}
	_, err := g.Developer.RevokeAppSecret(r.Context(), &registryv1.RevokeAppSecretRequest{
		Sub: v.sub, ClientId: app.GetApp().GetClientId(), SecretId: v.posted.Get("secret_id"),
	})
	if err != nil {
		g.secretsAgain(w, r, v, app, err)
		return
	}
	v.take(w)
	seeOther(w, doneAt(pathOf(secretsPath, app.GetApp().GetClientId()), pages.OutcomeSecretRevoked))
}

// secretsAgain shows the page with what was wrong.
func (g *gateway) secretsAgain(w http.ResponseWriter, r *http.Request, v visitor, app *registryv1.GetAppResponse, err error) {
	var wrong pages.FieldError
	switch f := faultOf(err); f.Kind {
	case fault.Exhausted:
		wrong.Complaint = pages.TooMany
	case fault.Invalid:
		wrong.Text = f.Message
	default:
		g.developerFailure(w, r, err)
		return
	}
	page := secretsPage(v, app)
	page.Err = &pages.FormError{Errors: []pages.FieldError{wrong}}
	g.render(w, r, http.StatusBadRequest, page)
}
