package gateway

import (
	"net/http"

	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// account is the dialog that asks which account to go on with. The consent page
// posts to it too, to use another account.
func (g *gateway) account() *dialog {
	return &dialog{page: authorizev1.Interaction_PAGE_ACCOUNT, view: accountView, act: g.actOnAccount}
}

func accountView(_ *http.Request, s sheet) pages.Page {
	return pages.ConfirmAccount{
		Form:        s.form,
		Client:      clientView(s.interaction.GetClient()),
		Account:     personView(s.interaction.GetAccount()),
		RedirectURI: s.interaction.GetRedirectUri(),
		Err:         s.complaint,
	}
}

func (g *gateway) actOnAccount(w http.ResponseWriter, r *http.Request, v visit) {
	action := v.posted.Get("action")
	if action != "continue" && action != "switch" {
		g.pageFailure(w, r, oauth.Refuse(oauth.InvalidRequest, "action must be continue or switch"))
		return
	}
	resp, err := g.Authorize.ChooseAccount(r.Context(), &authorizev1.ChooseAccountRequest{
		Transaction: v.transaction, Browser: v.browser, Proceed: action == "continue",
	})
	if err != nil {
		v.dialog.dialogFailure(w, r, err)
		return
	}
	g.execute(w, r, v.transaction, resp.GetNext())
}
