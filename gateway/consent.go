package gateway

import (
	"net/http"

	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// consent is the dialog that asks whether the client may.
func (g *gateway) consent() *dialog {
	return &dialog{
		page:  authorizev1.Interaction_PAGE_CONSENT,
		lists: []string{"workspace", "project"},
		view:  g.consentView,
		act:   g.actOnConsent,
	}
}

func (g *gateway) actOnConsent(w http.ResponseWriter, r *http.Request, v visit) {
	decision := v.posted.Get("decision")
	if decision != "allow" && decision != "deny" {
		g.pageFailure(w, r, oauth.Refuse(oauth.InvalidRequest, "decision must be allow or deny"))
		return
	}
	req := &authorizev1.SubmitConsentRequest{Transaction: v.transaction, Browser: v.browser, Allow: decision == "allow"}
	if req.Allow {
		// Whatever was posted goes to the service, an empty or unknown id as well:
		// only it knows what this user may share.
		req.WorkspaceIds, req.ProjectIds = v.posted.All("workspace"), v.posted.All("project")
	}
	resp, err := g.Authorize.SubmitConsent(r.Context(), req)
	switch {
	case err == nil:
		g.execute(w, r, v.transaction, resp.GetNext())
	case refusalOf(err).Code == oauth.InvalidRequest:
		g.askAgain(w, r, v, req)
	default:
		g.pageFailure(w, r, err)
	}
}

// askAgain is for a selection that is missing. A transaction that is over fails
// in the same way, and then has nothing to show.
func (g *gateway) askAgain(w http.ResponseWriter, r *http.Request, v visit, req *authorizev1.SubmitConsentRequest) {
	interaction, ok := v.dialog.interaction(w, r, v)
	switch {
	case !ok:
	case interaction.GetPage() != authorizev1.Interaction_PAGE_CONSENT:
		v.dialog.over(w, r)
	default:
		complaints := selectionComplaints(interaction.GetConsent(), req.GetWorkspaceIds(), req.GetProjectIds())
		g.render(w, r, http.StatusBadRequest, g.consentView(r, sheet{v.form(), interaction, v.posted, &pages.FormError{Errors: complaints}}))
	}
}

// selectionComplaints says what is missing from the selection, or that it does
// not fit what may be shared by now.
func selectionComplaints(asked choices, workspaces, projects []string) []pages.FieldError {
	var complaints []pages.FieldError
	if asked.GetWorkspaceLevel() != "" && len(workspaces) == 0 {
		complaints = append(complaints, pages.FieldError{Field: pages.FieldWorkspace, Complaint: pages.WorkspaceMissing})
	}
	if asked.GetProjectLevel() != "" && len(projects) == 0 {
		complaints = append(complaints, pages.FieldError{Field: pages.FieldProject, Complaint: pages.ProjectMissing})
	}
	if len(complaints) == 0 {
		complaints = append(complaints, pages.FieldError{Complaint: pages.ChoiceChanged})
	}
	return complaints
}
