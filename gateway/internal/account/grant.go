// Package account has the pages on which users see what they have allowed, take it
// back, and change their password.
//
// It decides nothing about grants. The one thing to get right is that what is shared
// is what was on the page: a form that no longer fits is shown again.
package account

import (
	"log/slog"
	"net/http"
	"net/url"
	"strconv"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/desk"
	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/internal/link"
	"github.com/chancery-auth/chancery/gateway/internal/view"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

const (
	// MaxForm is the most bytes in the form of a grant, whose every resource has a
	// level too.
	MaxForm = 512 << 10
	// grantsPerPage is how many grants a page shows.
	grantsPerPage = 20
)

// Pages are the account pages.
type Pages struct {
	*desk.Desks
	Preset    preset.Preset
	Consent   consentv1.ConsentServiceClient
	Registry  registryv1.RegistryServiceClient
	Token     tokenv1.TokenServiceClient
	Directory directoryv1.DirectoryServiceClient
}

// Apps is the page on which users see what they have allowed, and take it back.
func (p *Pages) Apps() http.Handler {
	return p.Serve(desk.Desk{
		Lists: []string{"workspace", "project", "level", "had"}, Read: readGrant, Show: p.showGrants, Act: p.actOnGrant,
	})
}

// Revoke is the page that asks before access is taken back.
func (p *Pages) Revoke() http.Handler { return p.Serve(desk.Desk{Show: p.showRevoke}) }

func readGrant(r *http.Request) (form.Values, []byte, error) {
	limits := form.Page()
	limits.Parameters *= 8
	posted, err := form.Body(r, limits)
	return posted, nil, err
}

// showGrants shows a list of grants; one alone, as it was chosen, that cannot be shared
// so.
func (p *Pages) showGrants(w http.ResponseWriter, r *http.Request, v *desk.Visitor) error {
	grants, next, err := p.listGrants(r, v)
	if err != nil {
		return err
	}
	page := pages.AuthorizedApps{
		Frame: v.Frame(pages.OutcomeAccessRevoked, pages.OutcomeAccessSaved, pages.OutcomePasswordChanged), Form: v.Form(link.AccountApps),
		PasswordURL: p.passwordURL(r),
	}
	clients, err := p.clientsOf(r, grants)
	if err != nil {
		return err
	}
	owners, reuses := view.OwnersOf(r, p.Answers, p.Directory, clients...), p.reusesOf(r, grants)
	for i, described := range grants {
		if clients[i] == nil {
			continue
		}
		app := p.app(described, clients[i], owners, v.Posted)
		app.Err = v.Wrong
		app.Repeated, app.Late = view.Time(reuses[app.GrantID].GetRepeatTime()), view.Time(reuses[app.GrantID].GetLateTime())
		page.Apps = append(page.Apps, app)
	}
	if next != "" {
		page.NextURL = link.AccountApps + "?page=" + url.QueryEscape(next)
	}
	return p.Render(w, v.Status, page)
}

// listGrants returns the grants to show, and the token of the next page if there is one.
func (p *Pages) listGrants(r *http.Request, v *desk.Visitor) (grants []*consentv1.GrantDescription, next string, err error) {
	if v.Wrong != nil {
		resp, err := p.Consent.DescribeGrant(r.Context(), &consentv1.DescribeGrantRequest{GrantId: v.Posted.Get("grant_id"), Sub: v.Sub})
		return []*consentv1.GrantDescription{resp.GetGrant()}, "", absentOr(err)
	}
	resp, err := p.Consent.DescribeGrants(r.Context(), &consentv1.DescribeGrantsRequest{
		Sub: v.Sub, PageSize: grantsPerPage, PageToken: v.Query.Get("page"),
	})
	return resp.GetGrants(), resp.GetNextPageToken(), err
}

// clientsOf returns the client of each grant, nil for one that is gone.
func (p *Pages) clientsOf(r *http.Request, grants []*consentv1.GrantDescription) ([]*registryv1.Client, error) {
	clients := make([]*registryv1.Client, len(grants))
	for i, described := range grants {
		resp, err := p.Registry.GetClient(r.Context(), &registryv1.GetClientRequest{ClientId: described.GetGrant().GetClientId()})
		switch {
		case err == nil:
			clients[i] = resp.GetClient()
		case answer.FaultOf(err).Kind != fault.NotFound:
			return nil, err
		}
	}
	return clients, nil
}

// reusesOf returns when replaced refresh tokens came, by grant. The page goes
// without while the token service is away: there access is taken back.
func (p *Pages) reusesOf(r *http.Request, grants []*consentv1.GrantDescription) map[string]*tokenv1.ListReusesResponse_Reuse {
	req := &tokenv1.ListReusesRequest{}
	for _, described := range grants {
		req.GrantIds = append(req.GrantIds, described.GetGrant().GetGrantId())
	}
	if len(req.GetGrantIds()) == 0 {
		return nil
	}
	resp, err := p.Token.ListReuses(r.Context(), req)
	if err != nil {
		p.Log.LogAttrs(r.Context(), slog.LevelWarn, "reuses of refresh tokens could not be read", answer.About(r, err)...)
		return nil
	}
	reuses := make(map[string]*tokenv1.ListReusesResponse_Reuse, len(resp.GetReuses()))
	for _, reuse := range resp.GetReuses() {
		reuses[reuse.GetGrantId()] = reuse
	}
	return reuses
}

// app is a grant as the page shows it. posted has what the person chose a moment ago,
// nil for what is shared.
func (p *Pages) app(described *consentv1.GrantDescription, c *registryv1.Client, owners view.Owners, posted form.Values) pages.AuthorizedApp {
	shown, grant := view.Granted(described, p.Preset.Scopes, posted), described.GetGrant()
	return pages.AuthorizedApp{
		GrantID:    grant.GetGrantId(),
		Revision:   revisionOf(c),
		Client:     view.Client(c, owners),
		Since:      view.Time(grant.GetCreateTime()),
		LastUse:    view.Time(grant.GetLastUseTime()),
		Groups:     view.Scopes(p.Preset, described.GetScopes(), c),
		Workspaces: shown.Workspaces(),
		Projects:   shown.Projects(),
	}
}

// revisionOf tells a client from what it was, or will be.
func revisionOf(c *registryv1.Client) string { return strconv.FormatInt(c.GetRevision(), 10) }

func (p *Pages) actOnGrant(w http.ResponseWriter, r *http.Request, v *desk.Visitor) error {
	grant := v.Posted.Get("grant_id")
	switch v.Posted.Get("action") {
	case "save":
		return p.save(w, r, v, grant)
	case "revoke":
		if !edge.IsWord(grant, "-") || grant == "" {
			return answer.ErrAbsent
		}
		return answer.SeeOther(w, link.To(link.Revoke, grant))
	case "confirm-revoke":
		return p.revoke(w, r, v, grant)
	default:
		return oauth.Refuse(oauth.InvalidRequest, "action must be save, revoke or confirm-revoke")
	}
}

// grant returns a grant of the visitor's, and its client. Fails with ErrAbsent where
// either is not there.
func (p *Pages) grant(r *http.Request, v *desk.Visitor, id string) (*consentv1.GrantDescription, *registryv1.Client, error) {
	resp, err := p.Consent.DescribeGrant(r.Context(), &consentv1.DescribeGrantRequest{GrantId: id, Sub: v.Sub})
	if err != nil {
		return nil, nil, absentOr(err)
	}
	clients, err := p.clientsOf(r, []*consentv1.GrantDescription{resp.GetGrant()})
	if err != nil {
		return nil, nil, err
	}
	if clients[0] == nil {
		return nil, nil, answer.ErrAbsent
	}
	return resp.GetGrant(), clients[0], nil
}

// absentOr is ErrAbsent if err says that there is no such grant. A text that is no id
// at all names no grant either.
func absentOr(err error) error {
	if kind := answer.FaultOf(err).Kind; kind == fault.NotFound || kind == fault.Invalid {
		return answer.ErrAbsent
	}
	return err
}

// save shares what was chosen with the client that was shown.
func (p *Pages) save(w http.ResponseWriter, r *http.Request, v *desk.Visitor, grant string) error {
	described, client, err := p.grant(r, v, grant)
	if err != nil {
		return err
	}
	scopes, missing := view.Asked(described, p.Preset.Scopes, v.Posted).Changes()
	if v.Posted.Get("revision") != revisionOf(client) {
		missing = []pages.FieldError{{Complaint: pages.AppChanged}}
	}
	if len(missing) > 0 {
		return answer.Complain(http.StatusBadRequest, missing...)
	}
	req := &consentv1.UpdateGrantResourcesRequest{
		GrantId: grant, Sub: v.Sub, WorkspaceIds: v.Posted.All("workspace"), ProjectIds: v.Posted.All("project"), Scopes: scopes, Client: client,
	}
	_, err = p.Consent.UpdateGrantResources(r.Context(), req)
	switch code := answer.RefusalOf(err).Code; {
	case err == nil:
		return desk.Done(w, link.AccountApps, pages.OutcomeAccessSaved)
	case answer.FaultOf(err).Kind == fault.NotFound:
		return answer.ErrAbsent
	case code == oauth.AccessDenied || code == oauth.InvalidRequest:
		complaints := view.Complaints(described, req.GetWorkspaceIds(), req.GetProjectIds())
		for i, c := range complaints {
			if c.Complaint == pages.WorkspaceMissing || c.Complaint == pages.ProjectMissing {
				complaints[i].Complaint = pages.NothingShared
			}
		}
		return answer.Complain(http.StatusBadRequest, complaints...)
	default:
		return err
	}
}

func (p *Pages) showRevoke(w http.ResponseWriter, r *http.Request, v *desk.Visitor) error {
	described, client, err := p.grant(r, v, r.PathValue("grant_id"))
	if err != nil {
		return err
	}
	app := p.app(described, client, view.OwnersOf(r, p.Answers, p.Directory, client), nil)
	return p.Render(w, http.StatusOK, pages.AuthorizedAppRevoke{
		Frame: v.Frame(), Form: v.Form(link.AccountApps), GrantID: app.GrantID, Client: app.Client, Groups: app.Groups,
		Shared: shared(described), BackURL: link.AccountApps,
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

func (p *Pages) revoke(w http.ResponseWriter, r *http.Request, v *desk.Visitor, grant string) error {
	_, err := p.Consent.RevokeGrant(r.Context(), &consentv1.RevokeGrantRequest{
		GrantId: grant, Sub: v.Sub, Reason: consentv1.RevokeGrantRequest_REASON_WITHDRAWN,
	})
	if err != nil {
		return absentOr(err)
	}
	return desk.Done(w, link.AccountApps, pages.OutcomeAccessRevoked)
}
