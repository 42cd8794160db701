package interaction

import (
	"net/http"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/link"
	"github.com/chancery-auth/chancery/gateway/internal/view"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// Account is the dialog that asks which account to go on with. The consent page
// posts to it too, to use another account.
func (i *Interaction) Account() http.Handler {
	d := &dialog{Interaction: i, page: authorizev1.Interaction_PAGE_ACCOUNT, view: accountView, act: i.actOnAccount}
	return d.handler()
}

func accountView(_ *http.Request, v visit, asked *authorizev1.GetInteractionResponse, wrong *pages.FormError) pages.Page {
	return pages.ConfirmAccount{
		Form:        v.form(),
		Client:      view.Client(asked.GetClient(), nil),
		Account:     view.Account(asked.GetAccount()),
		RedirectURI: asked.GetRedirectUri(),
		Err:         wrong,
	}
}

func (i *Interaction) actOnAccount(w http.ResponseWriter, r *http.Request, v visit) error {
	action := v.posted.Get("action")
	if action != "continue" && action != "switch" {
		return oauth.Refuse(oauth.InvalidRequest, "action must be continue or switch")
	}
	resp, err := i.Authorize.ChooseAccount(r.Context(), &authorizev1.ChooseAccountRequest{
		Transaction: v.transaction, Browser: v.browser, Proceed: action == "continue",
	})
	return i.next(w, r, v.transaction, resp, overOr(err))
}

// Consent is the dialog that asks whether the client may.
func (i *Interaction) Consent() http.Handler {
	d := &dialog{
		Interaction: i, page: authorizev1.Interaction_PAGE_CONSENT, lists: []string{"workspace", "project"},
		view: i.consentView, act: i.actOnConsent,
	}
	return d.handler()
}

func (i *Interaction) consentView(r *http.Request, v visit, asked *authorizev1.GetInteractionResponse, wrong *pages.FormError) pages.Page {
	client := asked.GetClient()
	if wrong != nil {
		wrong.Errors = view.Complaints(asked.GetConsent(), v.posted.All("workspace"), v.posted.All("project"))
	}
	shown := view.Asked(asked.GetConsent(), i.Preset.Scopes, v.posted)
	return pages.Consent{
		Form:         v.form(),
		Client:       view.Client(client, view.OwnersOf(r, i.Answers, i.Directory, client)),
		Account:      view.Account(asked.GetAccount()),
		RedirectURI:  asked.GetRedirectUri(),
		SwitchAction: link.Account,
		ManageURL:    link.AccountApps,
		Groups:       view.Scopes(i.Preset, asked.GetConsent().GetScopes(), client),
		APIs:         view.Distinct(asked.GetResource()),
		Workspaces:   shown.Workspaces(),
		Projects:     shown.Projects(),
		Err:          wrong,
	}
}

func (i *Interaction) actOnConsent(w http.ResponseWriter, r *http.Request, v visit) error {
	decision := v.posted.Get("decision")
	if decision != "allow" && decision != "deny" {
		return oauth.Refuse(oauth.InvalidRequest, "decision must be allow or deny")
	}
	req := &authorizev1.SubmitConsentRequest{Transaction: v.transaction, Browser: v.browser, Allow: decision == "allow"}
	if req.Allow {
		// Whatever was posted goes to the service, an empty or unknown id as well:
		// only it knows what this user may share.
		req.WorkspaceIds, req.ProjectIds = v.posted.All("workspace"), v.posted.All("project")
	}
	resp, err := i.Authorize.SubmitConsent(r.Context(), req)
	if err != nil && answer.RefusalOf(err).Code == oauth.InvalidRequest {
		// A selection is missing. A transaction that is over fails in the same way, and
		// then has nothing to show.
		return &answer.Wrong{Status: http.StatusBadRequest, Form: &pages.FormError{}}
	}
	return i.next(w, r, v.transaction, resp, err)
}
