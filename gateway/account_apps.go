package gateway

import (
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// grantsPerPage is how many grants a page shows.
const grantsPerPage = 20

// accountApps is the page on which users see what they have allowed, and take it
// back.
func (g *gateway) accountApps() *desk {
	return &desk{
		gateway: g, lists: []string{"workspace", "project", "level", "had"}, read: readGrant, show: g.showGrants, act: g.actOnGrant,
	}
}

// maxGrantForm is the most bytes in the form of a grant, whose every resource has a
// level too.
const maxGrantForm = 512 << 10

func readGrant(r *http.Request) (form.Values, []byte, error) {
	limits := pageForm()
	limits.Parameters *= 8
	posted, err := postedForm(r, limits)
	return posted, nil, err
}

// confirmRevoke is the page that asks before access is taken back.
func (g *gateway) confirmRevoke() *desk { return &desk{gateway: g, show: g.showRevoke} }

func (g *gateway) showGrants(w http.ResponseWriter, r *http.Request, v visitor) {
	resp, err := g.Consent.DescribeGrants(r.Context(), &consentv1.DescribeGrantsRequest{
		Sub: v.sub, PageSize: grantsPerPage, PageToken: v.query.Get("page"),
	})
	if err != nil {
		g.pageFailure(w, r, err)
		return
	}
	g.renderGrants(w, r, http.StatusOK, v, resp, nil)
}

// renderGrants shows a list of grants, one of them with what was wrong.
func (g *gateway) renderGrants(w http.ResponseWriter, r *http.Request, status int, v visitor, list *consentv1.DescribeGrantsResponse, wrong *pages.FormError) { //nolint:revive // argument-limit: what is shown, to whom, and why
	page := pages.AuthorizedApps{
		Frame: v.frame(pages.OutcomeAccessRevoked, pages.OutcomeAccessSaved, pages.OutcomePasswordChanged), Form: v.form(accountAppsPath),
		PasswordURL: g.passwordURL(r),
	}
	clients, err := g.clientsOf(r, list.GetGrants())
	if err != nil {
		g.pageFailure(w, r, err)
		return
	}
	owners, reuses := g.workspaceNames(r, clients...), g.reusesOf(r, list.GetGrants())
	for i, described := range list.GetGrants() {
		if clients[i] == nil {
			continue
		}
		app := g.authorizedApp(described, clients[i], owners, nil)
		if wrong != nil && app.GrantID == v.posted.Get("grant_id") {
			app = g.authorizedApp(described, clients[i], owners, v.posted)
			app.Err = wrong
		}
		reuse := reuses[app.GrantID]
		app.Repeated, app.Late = timeOf(reuse.GetRepeatTime()), timeOf(reuse.GetLateTime())
		page.Apps = append(page.Apps, app)
	}
	if token := list.GetNextPageToken(); token != "" {
		page.NextURL = accountAppsPath + "?page=" + url.QueryEscape(token)
	}
	g.render(w, r, status, page)
}

// clientsOf returns the client of each grant, nil for one that is gone.
func (g *gateway) clientsOf(r *http.Request, grants []*consentv1.GrantDescription) ([]*registryv1.Client, error) {
	clients := make([]*registryv1.Client, len(grants))
	for i, described := range grants {
		resp, err := g.Registry.GetClient(r.Context(), &registryv1.GetClientRequest{ClientId: described.GetGrant().GetClientId()})
		switch {
		case err == nil:
			clients[i] = resp.GetClient()
		case faultOf(err).Kind != fault.NotFound:
			return nil, err
		}
	}
	return clients, nil
}

// reusesOf returns when replaced refresh tokens came, by grant. The page goes
// without while the token service is away: there access is taken back.
func (g *gateway) reusesOf(r *http.Request, grants []*consentv1.GrantDescription) map[string]*tokenv1.ListReusesResponse_Reuse {
	req := &tokenv1.ListReusesRequest{}
	for _, described := range grants {
		req.GrantIds = append(req.GrantIds, described.GetGrant().GetGrantId())
	}
	if len(req.GetGrantIds()) == 0 {
		return nil
	}
	resp, err := g.Token.ListReuses(r.Context(), req)
	if err != nil {
		g.Log.WarnContext(r.Context(), "reuses of refresh tokens could not be read",
			slog.String("request_id", edge.InfoOf(r.Context()).ID), slog.String("error", err.Error()))
		return nil
	}
	reuses := make(map[string]*tokenv1.ListReusesResponse_Reuse, len(resp.GetReuses()))
	for _, reuse := range resp.GetReuses() {
		reuses[reuse.GetGrantId()] = reuse
	}
	return reuses
}

// authorizedApp is a grant as the page shows it. posted has what the person chose
// a moment ago, nil for what is shared.
func (g *gateway) authorizedApp(described *consentv1.GrantDescription, c *registryv1.Client, owners map[string]string, posted form.Values) pages.AuthorizedApp {
	client := clientView(c)
	client.Owner = owners[c.GetWorkspaceId()]
	shown := newSharing(described, g.Preset.Scopes, posted)
	shown.editable = true
	return pages.AuthorizedApp{
		GrantID:    described.GetGrant().GetGrantId(),
		Revision:   revisionOf(c),
		Client:     client,
		Since:      timeOf(described.GetGrant().GetCreateTime()),
		LastUse:    timeOf(described.GetGrant().GetLastUseTime()),
		Groups:     scopeGroups(g.asUsed(described.GetScopes(), c)),
		Workspaces: shown.workspaces(),
		Projects:   shown.projects(),
	}
}

// revisionOf tells a client from what it was, or will be.
func revisionOf(c *registryv1.Client) string { return strconv.FormatInt(c.GetRevision(), 10) }

// timeOf is the time of t, zero for an absent one.
func timeOf(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

func (g *gateway) actOnGrant(w http.ResponseWriter, r *http.Request, v visitor) {
	grant := v.posted.Get("grant_id")
	switch v.posted.Get("action") {
	case "save":
		g.saveGrant(w, r, v, grant)
	case "revoke":
		if !isWord(grant, "-") || grant == "" {
			g.absent(w, r)
			return
		}
		seeOther(w, pathOf(revokePath, grant))
	case "confirm-revoke":
		g.revokeGrant(w, r, v, grant)
	default:
		g.pageFailure(w, r, oauth.Refuse(oauth.InvalidRequest, "action must be save, revoke or confirm-revoke"))
	}
}

// saveGrant shares what was chosen with the client that was shown.
func (g *gateway) saveGrant(w http.ResponseWriter, r *http.Request, v visitor, grant string) {
	resp, err := g.Consent.DescribeGrant(r.Context(), &consentv1.DescribeGrantRequest{GrantId: grant, Sub: v.sub})
	if err != nil {
		g.grantFailure(w, r, err)
		return
	}
	clients, err := g.clientsOf(r, []*consentv1.GrantDescription{resp.GetGrant()})
	if err != nil {
		g.pageFailure(w, r, err)
		return
	}
	scopes, missing := newSharing(resp.GetGrant(), g.Preset.Scopes, v.posted).changes()
	switch client := clients[0]; {
	case client == nil:
		g.absent(w, r)
	case v.posted.Get("revision") != revisionOf(client):
		g.saveAgain(w, r, v, pages.FieldError{Complaint: pages.AppChanged})
	case len(missing) > 0:
		g.saveAgain(w, r, v, missing...)
	default:
		g.updateGrant(w, r, v, &consentv1.UpdateGrantResourcesRequest{
			GrantId: grant, Sub: v.sub, WorkspaceIds: v.posted.All("workspace"), ProjectIds: v.posted.All("project"), Scopes: scopes, Client: client,
		})
	}
}

func (g *gateway) updateGrant(w http.ResponseWriter, r *http.Request, v visitor, req *consentv1.UpdateGrantResourcesRequest) {
	_, err := g.Consent.UpdateGrantResources(r.Context(), req)
	switch code := refusalOf(err).Code; {
	case err == nil:
		seeOther(w, doneAt(accountAppsPath, pages.OutcomeAccessSaved))
	case faultOf(err).Kind == fault.NotFound:
		g.absent(w, r)
	case code == oauth.AccessDenied || code == oauth.InvalidRequest:
		g.saveAgain(w, r, v)
	default:
		g.pageFailure(w, r, err)
	}
}

// saveAgain is for a selection that cannot be shared: the grant is shown alone, as
// it was chosen. Without complaints, they are about the selection.
func (g *gateway) saveAgain(w http.ResponseWriter, r *http.Request, v visitor, complaints ...pages.FieldError) {
	resp, err := g.Consent.DescribeGrant(r.Context(), &consentv1.DescribeGrantRequest{GrantId: v.posted.Get("grant_id"), Sub: v.sub})
	if err != nil {
		g.grantFailure(w, r, err)
		return
	}
	if len(complaints) == 0 {
		complaints = selectionComplaints(resp.GetGrant(), v.posted.All("workspace"), v.posted.All("project"))
	}
	for i, c := range complaints {
		if c.Complaint == pages.WorkspaceMissing || c.Complaint == pages.ProjectMissing {
			complaints[i].Complaint = pages.NothingShared
		}
	}
	alone := &consentv1.DescribeGrantsResponse{Grants: []*consentv1.GrantDescription{resp.GetGrant()}}
	g.renderGrants(w, r, http.StatusBadRequest, v, alone, &pages.FormError{Errors: complaints})
}

// grantFailure says that there is no such grant, or what else went wrong. A text
// that is no id at all names no grant either.
func (g *gateway) grantFailure(w http.ResponseWriter, r *http.Request, err error) {
	if kind := faultOf(err).Kind; kind == fault.NotFound || kind == fault.Invalid {
		g.absent(w, r)
		return
	}
	g.pageFailure(w, r, err)
}

func (g *gateway) showRevoke(w http.ResponseWriter, r *http.Request, v visitor) {
	resp, err := g.Consent.DescribeGrant(r.Context(), &consentv1.DescribeGrantRequest{GrantId: r.PathValue("grant_id"), Sub: v.sub})
	if err != nil {
		g.grantFailure(w, r, err)
		return
	}
	described := resp.GetGrant()
	clients, err := g.clientsOf(r, []*consentv1.GrantDescription{described})
	switch {
	case err != nil:
		g.pageFailure(w, r, err)
		return
	case clients[0] == nil:
		g.absent(w, r)
		return
	}
	app := g.authorizedApp(described, clients[0], g.workspaceNames(r, clients...), nil)
	g.render(w, r, http.StatusOK, pages.AuthorizedAppRevoke{
		Frame: v.frame(), Form: v.form(accountAppsPath), GrantID: app.GrantID, Client: app.Client, Groups: app.Groups,
		Shared: shared(described), BackURL: accountAppsPath,
	})
}

// shared is the names of what a grant shares.
func shared(described *consentv1.GrantDescription) []string {
	var names []string
	for _, w := range described.GetWorkspaces() {
		if w.GetSelected() {
			names = append(names, w.GetName())
		}
	}
	for _, p := range described.GetProjects() {
		if p.GetSelected() {
			names = append(names, p.GetWorkspaceName()+" / "+p.GetName())
		}
	}
	return names
}

func (g *gateway) revokeGrant(w http.ResponseWriter, r *http.Request, v visitor, grant string) {
	_, err := g.Consent.RevokeGrant(r.Context(), &consentv1.RevokeGrantRequest{
		GrantId: grant, Sub: v.sub, Reason: consentv1.RevokeGrantRequest_REASON_WITHDRAWN,
	})
	switch kind := faultOf(err).Kind; {
	case err == nil:
		seeOther(w, doneAt(accountAppsPath, pages.OutcomeAccessRevoked))
	case kind == fault.NotFound || kind == fault.Invalid:
		g.absent(w, r)
	default:
		g.pageFailure(w, r, err)
	}
}

// absent is the answer about what is not there, or not this visitor's to know of.
func (g *gateway) absent(w http.ResponseWriter, r *http.Request) {
	g.renderError(w, r, http.StatusNotFound, pages.Error{Code: string(oauth.InvalidRequest), Reason: pages.ReasonNotFound})
}
