// Package developer has the pages on which the admins of a workspace manage its apps.
//
// Who may do what is decided by the registry, each time. The one thing to get right is
// that a secret is shown in one answer and in no other.
package developer

import (
	"log/slog"
	"net/http"
	"strconv"
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

// Pages are the developer pages.
type Pages struct {
	*desk.Desks
	Developer registryv1.DeveloperServiceClient
	Registry  registryv1.RegistryServiceClient
}

// Apps is the list of apps.
func (p *Pages) Apps() http.Handler { return p.Serve(desk.Desk{Show: p.showApps}) }

// New is the form for a new app.
func (p *Pages) New() http.Handler {
	return p.Serve(desk.Desk{Lists: []string{"scope"}, Once: true, Show: p.showNew, Act: p.create})
}

// App is the form of an app.
func (p *Pages) App() http.Handler {
	return p.Serve(desk.Desk{Lists: []string{"scope"}, Show: p.about(p.showApp), Act: p.update})
}

// Secrets are the secrets of an app.
func (p *Pages) Secrets() http.Handler {
	return p.Serve(desk.Desk{Once: true, Show: p.about(p.showSecrets), Act: p.about(p.actOnSecrets)})
}

// Delete asks before an app is deleted.
func (p *Pages) Delete() http.Handler {
	return p.Serve(desk.Desk{Show: p.about(p.showDelete), Act: p.about(p.delete)})
}

// Logo is the form for the logo of an app.
func (p *Pages) Logo() http.Handler {
	return p.Serve(desk.Desk{Read: logoForm, Show: p.about(p.showLogo), Act: p.about(p.actOnLogo)})
}

// tab answers a visitor of a page about an app.
type tab func(http.ResponseWriter, *http.Request, *desk.Visitor, *registryv1.GetAppResponse) error

// about has h answer about the app that the path names.
func (p *Pages) about(h tab) desk.Handler {
	return func(w http.ResponseWriter, r *http.Request, v *desk.Visitor) error {
		app, err := p.get(r, v, r.PathValue("client_id"))
		if err != nil {
			return failure(err)
		}
		return h(w, r, v, app)
	}
}

func (p *Pages) get(r *http.Request, v *desk.Visitor, id string) (*registryv1.GetAppResponse, error) {
	return p.Developer.GetApp(r.Context(), &registryv1.GetAppRequest{Sub: v.Sub, ClientId: id})
}

// failure is a failed call about apps. A person who has no part in the workspace is
// told what a stranger is told, and one who is no admin of it is told so.
func failure(err error) error {
	switch answer.FaultOf(err).Kind {
	case fault.NotFound:
		return answer.ErrAbsent
	case fault.Denied:
		return answer.Refuse(pages.ReasonNotAdmin, oauth.AccessDenied, "")
	default:
		return err
	}
}

func (p *Pages) workspaces(r *http.Request, v *desk.Visitor) ([]*registryv1.AppWorkspace, error) {
	resp, err := p.Developer.ListApps(r.Context(), &registryv1.ListAppsRequest{Sub: v.Sub})
	return resp.GetWorkspaces(), failure(err)
}

func (p *Pages) showApps(w http.ResponseWriter, r *http.Request, v *desk.Visitor) error {
	workspaces, err := p.workspaces(r, v)
	if err != nil {
		return err
	}
	page := pages.DeveloperApps{Frame: v.Frame(pages.OutcomeAppDeleted)}
	for _, workspace := range workspaces {
		shown := pages.DeveloperWorkspace{Name: workspace.GetName(), NewURL: link.NewAppFor(workspace.GetWorkspaceId())}
		for _, app := range workspace.GetApps() {
			shown.Apps = append(shown.Apps, pages.DeveloperEntry{
				Client:     view.Client(app, nil),
				ClientID:   app.GetClientId(),
				ClientType: pages.ClientType(app.GetApplicationType()),
				Visibility: pages.Visibility(app.GetVisibility()),
				LastUse:    view.Time(app.GetLastUseTime()),
				EditURL:    link.To(link.App, app.GetClientId()),
			})
		}
		page.Workspaces = append(page.Workspaces, shown)
	}
	return p.Render(w, http.StatusOK, page)
}

// showNew shows the form for a new app to an admin of its workspace, with what most
// apps are already chosen. To anybody else the workspace is as good as not there.
// Without one it leads to the form of the one there is, or to the list of several.
func (p *Pages) showNew(w http.ResponseWriter, r *http.Request, v *desk.Visitor) error {
	d := draft{workspace: v.Query.Get("workspace"), fields: pages.AppFields{ClientType: pages.TypeWeb, Visibility: pages.VisibilityUnlisted}}
	if v.Posted != nil {
		d = draftOf(v.Posted)
	}
	workspaces, err := p.workspaces(r, v)
	if err != nil {
		return err
	}
	if v.Posted == nil && d.workspace == "" {
		if len(workspaces) == 1 {
			return answer.SeeOther(w, link.NewAppFor(workspaces[0].GetWorkspaceId()))
		}
		return answer.SeeOther(w, link.Developer)
	}
	for _, workspace := range workspaces {
		if workspace.GetWorkspaceId() == d.workspace {
			return p.showForm(w, r, v, d, pages.DeveloperApp{
				Frame: v.Frame(), Form: v.Form(link.NewApp),
				Head:        pages.DeveloperHead{Workspace: workspace.GetName()},
				WorkspaceID: d.workspace,
				AuthMethods: authMethods(nil),
			})
		}
	}
	return answer.ErrAbsent
}

func (p *Pages) create(w http.ResponseWriter, r *http.Request, v *desk.Visitor) error {
	d := draftOf(v.Posted)
	if len(d.scope) == 0 {
		// To the registry that is everything, which was not chosen here.
		return answer.Complain(http.StatusBadRequest, pages.FieldError{Field: pages.FieldScope, Complaint: pages.ScopeMissing})
	}
	resp, err := p.Developer.CreateApp(r.Context(), &registryv1.CreateAppRequest{Sub: v.Sub, WorkspaceId: d.workspace, App: d.client()})
	if err != nil {
		return draftFailure(err)
	}
	v.Take(w)
	id := resp.GetApp().GetClientId()
	if resp.GetClientSecret() == "" {
		return desk.Done(w, link.To(link.App, id), pages.OutcomeAppCreated)
	}
	// The secret is in this answer and in no other: what cannot be read beside it
	// is left out.
	app, err := p.get(r, v, id)
	if err != nil {
		p.Log.LogAttrs(r.Context(), slog.LevelWarn, "new app could not be read", answer.About(r, err)...)
		app = &registryv1.GetAppResponse{App: resp.GetApp()}
	}
	page := secretsPage(v, app)
	page.Created, page.NewSecret = true, resp.GetClientSecret()
	return p.Render(w, http.StatusCreated, page)
}

// showApp shows the form of an app, with what is stored or was typed in its fields.
func (p *Pages) showApp(w http.ResponseWriter, r *http.Request, v *desk.Visitor, app *registryv1.GetAppResponse) error {
	d, head := storedDraft(app.GetApp()), headOf(app)
	if v.Posted != nil {
		d = draftOf(v.Posted)
	}
	page := pages.DeveloperApp{
		Frame: v.Frame(pages.OutcomeAppCreated, pages.OutcomeAppSaved), Form: v.Form(head.EditURL), Head: head,
		Revision:    strconv.FormatInt(d.revision, 10),
		AuthMethods: authMethods(app.GetApp()),
	}
	// Neither of these is for the form to change.
	d.fields.ClientType = pages.ClientType(app.GetApp().GetApplicationType())
	if v.Status == http.StatusConflict {
		page.ReloadURL = head.EditURL
	}
	return p.showForm(w, r, v, d, page)
}

// showForm shows the form of an app with the fields of d.
func (p *Pages) showForm(w http.ResponseWriter, r *http.Request, v *desk.Visitor, d draft, page pages.DeveloperApp) error {
	catalogue, err := p.Registry.ListScopes(r.Context(), &registryv1.ListScopesRequest{})
	if err != nil {
		return err
	}
	page.CancelURL, page.Err = link.Developer, v.Wrong
	page.Fields, page.Groups = d.fields, scopeOptions(catalogue.GetScopes(), d.scope)
	return p.Render(w, v.Status, page)
}

func (p *Pages) update(w http.ResponseWriter, r *http.Request, v *desk.Visitor) error {
	d := draftOf(v.Posted)
	client := d.client()
	client.ClientId, client.Revision = r.PathValue("client_id"), d.revision
	if _, err := p.Developer.UpdateApp(r.Context(), &registryv1.UpdateAppRequest{Sub: v.Sub, App: client}); err != nil {
		return draftFailure(err)
	}
	return desk.Done(w, link.To(link.App, client.GetClientId()), pages.OutcomeAppSaved)
}

func (p *Pages) showDelete(w http.ResponseWriter, _ *http.Request, v *desk.Visitor, app *registryv1.GetAppResponse) error {
	head := headOf(app)
	return p.Render(w, v.Status, pages.DeveloperDelete{
		Frame: v.Frame(), Form: v.Form(head.DeleteURL), Head: head, Typed: v.Posted.Get("confirm_name"), Err: v.Wrong,
	})
}

func (p *Pages) delete(w http.ResponseWriter, r *http.Request, v *desk.Visitor, app *registryv1.GetAppResponse) error {
	// As people see and type it: white space does not count.
	if !sameName(v.Posted.Get("confirm_name"), app.GetApp().GetClientName()) {
		return answer.Complain(http.StatusBadRequest, pages.FieldError{Field: pages.FieldConfirmName, Complaint: pages.NameDiffers})
	}
	if _, err := p.Developer.DeleteApp(r.Context(), &registryv1.DeleteAppRequest{Sub: v.Sub, ClientId: app.GetApp().GetClientId()}); err != nil {
		return failure(err)
	}
	return desk.Done(w, link.Developer, pages.OutcomeAppDeleted)
}

func sameName(a, b string) bool {
	a, b = strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " ")
	return a != "" && a == b
}

// headOf is what the pages about an app have in common.
func headOf(app *registryv1.GetAppResponse) pages.DeveloperHead {
	id := app.GetApp().GetClientId()
	return pages.DeveloperHead{
		Client: view.Client(app.GetApp(), nil), ClientID: id, Workspace: app.GetWorkspaceName(),
		EditURL: link.To(link.App, id), SecretsURL: link.To(link.Secrets, id),
		LogoFormURL: link.To(link.LogoForm, id), DeleteURL: link.To(link.Delete, id),
	}
}
