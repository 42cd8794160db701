package gateway

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// developerDesks are the pages on which the admins of a workspace manage its
// apps, by path. Who may do what is decided by the registry, each time.
func (g *gateway) developerDesks() map[string]*desk {
	return map[string]*desk{
		developerPath: {gateway: g, show: g.showApps},
		newAppPath:    {gateway: g, lists: []string{"scope"}, once: true, show: g.showNewApp, act: g.createApp},
		appPath:       {gateway: g, lists: []string{"scope"}, show: g.showApp, act: g.updateApp},
		secretsPath:   {gateway: g, once: true, show: g.showSecrets, act: g.actOnSecrets},
		deletePath:    {gateway: g, show: g.showDelete, act: g.deleteApp},
		logoFormPath:  {gateway: g, read: logoForm, show: g.showLogo, act: g.actOnLogo},
	}
}

func (g *gateway) showApps(w http.ResponseWriter, r *http.Request, v visitor) {
	resp, err := g.Developer.ListApps(r.Context(), &registryv1.ListAppsRequest{Sub: v.sub})
	if err != nil {
		g.developerFailure(w, r, err)
		return
	}
	page := pages.DeveloperApps{Frame: v.frame(pages.OutcomeAppDeleted)}
	for _, workspace := range resp.GetWorkspaces() {
		view := pages.DeveloperWorkspace{Name: workspace.GetName(), NewURL: newAppFor(workspace.GetWorkspaceId())}
		for _, app := range workspace.GetApps() {
			view.Apps = append(view.Apps, appEntry(app))
		}
		page.Workspaces = append(page.Workspaces, view)
	}
	g.render(w, r, http.StatusOK, page)
}

// newAppFor is the address of the form for a new app of a workspace.
func newAppFor(workspace string) string { return newAppPath + "?workspace=" + workspace }

func appEntry(app *registryv1.Client) pages.DeveloperEntry {
	return pages.DeveloperEntry{
		Client:     clientView(app),
		ClientID:   app.GetClientId(),
		ClientType: pages.ClientType(app.GetApplicationType()),
		Visibility: pages.Visibility(app.GetVisibility()),
		LastUse:    timeOf(app.GetLastUseTime()),
		EditURL:    pathOf(appPath, app.GetClientId()),
	}
}

// showNewApp is the form for a new app, with what most apps are already chosen.
func (g *gateway) showNewApp(w http.ResponseWriter, r *http.Request, v visitor) {
	workspace := v.query.Get("workspace")
	if workspace == "" {
		g.chooseWorkspace(w, r, v)
		return
	}
	fields := pages.AppFields{ClientType: pages.TypeWeb, Visibility: pages.VisibilityUnlisted}
	g.newApp(w, r, http.StatusOK, v, draft{workspace: workspace, fields: fields})
}

// chooseWorkspace leads to the form of the one workspace there is, or to the list
// of several.
func (g *gateway) chooseWorkspace(w http.ResponseWriter, r *http.Request, v visitor) {
	resp, err := g.Developer.ListApps(r.Context(), &registryv1.ListAppsRequest{Sub: v.sub})
	switch {
	case err != nil:
		g.pageFailure(w, r, err)
	case len(resp.GetWorkspaces()) == 1:
		seeOther(w, newAppFor(resp.GetWorkspaces()[0].GetWorkspaceId()))
	default:
		seeOther(w, developerPath)
	}
}

// newApp shows the form for a new app to an admin of its workspace.
func (g *gateway) newApp(w http.ResponseWriter, r *http.Request, status int, v visitor, d draft) {
	resp, err := g.Developer.ListApps(r.Context(), &registryv1.ListAppsRequest{Sub: v.sub})
	if err != nil {
		g.developerFailure(w, r, err)
		return
	}
	for _, workspace := range resp.GetWorkspaces() {
		if workspace.GetWorkspaceId() != d.workspace {
			continue
		}
		g.appForm(w, r, status, pages.DeveloperApp{
			Frame: v.frame(), Form: v.form(newAppPath),
			Head:        pages.DeveloperHead{Workspace: workspace.GetName()},
			WorkspaceID: d.workspace,
			AuthMethods: authMethods(nil),
			CancelURL:   developerPath,
		}, d)
		return
	}
	// To who is no admin of it, a workspace is as good as not there.
	g.absent(w, r)
}

func (g *gateway) createApp(w http.ResponseWriter, r *http.Request, v visitor) {
	d := draftOf(v.posted)
	if len(d.scope) == 0 {
		// To the registry that is everything, which nobody has chosen here.
		d.wrong = &pages.FormError{Errors: []pages.FieldError{{Field: pages.FieldScope, Complaint: pages.ScopeMissing}}}
		g.newApp(w, r, http.StatusBadRequest, v, d)
		return
	}
	resp, err := g.Developer.CreateApp(r.Context(), &registryv1.CreateAppRequest{Sub: v.sub, WorkspaceId: d.workspace, App: d.client()})
	if err != nil {
		if d.refused(err) {
			g.newApp(w, r, http.StatusBadRequest, v, d)
			return
		}
		g.developerFailure(w, r, err)
		return
	}
	v.take(w)
	id := resp.GetApp().GetClientId()
	if resp.GetClientSecret() == "" {
		seeOther(w, doneAt(pathOf(appPath, id), pages.OutcomeAppCreated))
		return
	}
	// The secret is in this answer and in no other: what cannot be read beside it
	// is left out.
	app, err := g.Developer.GetApp(r.Context(), &registryv1.GetAppRequest{Sub: v.sub, ClientId: id})
	if err != nil {
		g.logFailure(r, refusalOf(err).Code, err)
		app = &registryv1.GetAppResponse{App: resp.GetApp()}
	}
	page := secretsPage(v, app)
	page.Created, page.NewSecret = true, resp.GetClientSecret()
	g.render(w, r, http.StatusCreated, page)
}

// app reads the app that the path names. When that fails it has answered.
func (g *gateway) app(w http.ResponseWriter, r *http.Request, v visitor) (*registryv1.GetAppResponse, bool) {
	resp, err := g.Developer.GetApp(r.Context(), &registryv1.GetAppRequest{Sub: v.sub, ClientId: r.PathValue("client_id")})
	if err != nil {
		g.developerFailure(w, r, err)
		return nil, false
	}
	return resp, true
}

func (g *gateway) showApp(w http.ResponseWriter, r *http.Request, v visitor) {
	if app, ok := g.app(w, r, v); ok {
		g.editApp(w, r, http.StatusOK, v, app, storedDraft(app.GetApp()))
	}
}

// editApp shows the form of an app, with what the draft has in its fields.
func (g *gateway) editApp(w http.ResponseWriter, r *http.Request, status int, v visitor, app *registryv1.GetAppResponse, d draft) { //nolint:revive // argument-limit: what is shown, and to whom
	head := developerHead(app)
	page := pages.DeveloperApp{
		Frame: v.frame(pages.OutcomeAppCreated, pages.OutcomeAppSaved), Form: v.form(head.EditURL), Head: head,
		Revision:    strconv.FormatInt(d.revision, 10),
		AuthMethods: authMethods(app.GetApp()),
		CancelURL:   developerPath,
	}
	// Neither of these is for the form to change.
	d.fields.ClientType = pages.ClientType(app.GetApp().GetApplicationType())
	if status == http.StatusConflict {
		page.ReloadURL = head.EditURL
	}
	g.appForm(w, r, status, page, d)
}

// appForm shows the form of an app with the fields of d.
func (g *gateway) appForm(w http.ResponseWriter, r *http.Request, status int, page pages.DeveloperApp, d draft) {
	catalogue, err := g.Registry.ListScopes(r.Context(), &registryv1.ListScopesRequest{})
	if err != nil {
		g.pageFailure(w, r, err)
		return
	}
	page.Fields, page.Groups, page.Err = d.fields, scopeOptions(catalogue.GetScopes(), d.scope), d.wrong
	g.render(w, r, status, page)
}

func (g *gateway) updateApp(w http.ResponseWriter, r *http.Request, v visitor) {
	d := draftOf(v.posted)
	client := d.client()
	client.ClientId, client.Revision = r.PathValue("client_id"), d.revision
	_, err := g.Developer.UpdateApp(r.Context(), &registryv1.UpdateAppRequest{Sub: v.sub, App: client})
	status := http.StatusBadRequest
	switch {
	case err == nil:
		seeOther(w, doneAt(pathOf(appPath, client.GetClientId()), pages.OutcomeAppSaved))
		return
	case faultOf(err).Kind == fault.Conflict:
		status = http.StatusConflict
	case !d.refused(err):
		g.developerFailure(w, r, err)
		return
	}
	if app, ok := g.app(w, r, v); ok {
		g.editApp(w, r, status, v, app, d)
	}
}

func (g *gateway) showDelete(w http.ResponseWriter, r *http.Request, v visitor) {
	if app, ok := g.app(w, r, v); ok {
		g.render(w, r, http.StatusOK, deletePage(v, app))
	}
}

func deletePage(v visitor, app *registryv1.GetAppResponse) pages.DeveloperDelete {
	head := developerHead(app)
	return pages.DeveloperDelete{Frame: v.frame(), Form: v.form(head.DeleteURL), Head: head}
}

func (g *gateway) deleteApp(w http.ResponseWriter, r *http.Request, v visitor) {
	app, ok := g.app(w, r, v)
	if !ok {
		return
	}
	// As people see and type it: white space does not count.
	if typed := v.posted.Get("confirm_name"); !sameName(typed, app.GetApp().GetClientName()) {
		page := deletePage(v, app)
		page.Typed = typed
		page.Err = &pages.FormError{Errors: []pages.FieldError{{Field: pages.FieldConfirmName, Complaint: pages.NameDiffers}}}
		g.render(w, r, http.StatusBadRequest, page)
		return
	}
	if _, err := g.Developer.DeleteApp(r.Context(), &registryv1.DeleteAppRequest{Sub: v.sub, ClientId: app.GetApp().GetClientId()}); err != nil {
		g.developerFailure(w, r, err)
		return
	}
	seeOther(w, doneAt(developerPath, pages.OutcomeAppDeleted))
}

func sameName(a, b string) bool {
	a, b = strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " ")
	return a != "" && a == b
}

// developerHead is what the pages about an app have in common.
func developerHead(app *registryv1.GetAppResponse) pages.DeveloperHead {
	id := app.GetApp().GetClientId()
	return pages.DeveloperHead{
		Client: clientView(app.GetApp()), ClientID: id, Workspace: app.GetWorkspaceName(),
		EditURL: pathOf(appPath, id), SecretsURL: pathOf(secretsPath, id),
		LogoFormURL: pathOf(logoFormPath, id), DeleteURL: pathOf(deletePath, id),
	}
}

// developerFailure shows a failed call about apps. Who has no part in the
// workspace is told what a stranger is told, and who is no admin of it is told
// so.
func (g *gateway) developerFailure(w http.ResponseWriter, r *http.Request, err error) {
	switch f := faultOf(err); f.Kind {
	case fault.NotFound:
		g.absent(w, r)
	case fault.Denied:
		g.renderError(w, r, http.StatusForbidden, pages.Error{Code: string(oauth.AccessDenied), Reason: pages.ReasonNotAdmin})
	default:
		g.pageFailure(w, r, err)
	}
}
