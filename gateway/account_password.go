package gateway

import (
	"log/slog"
	"net/http"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

// accountPassword is the page on which users change their password.
func (g *gateway) accountPassword() *desk {
	return &desk{
		gateway: g,
		show:    func(w http.ResponseWriter, r *http.Request, v visitor) { g.renderPassword(w, r, http.StatusOK, v) },
		act:     g.changePassword,
	}
}

// passwordRules are what a password must be. They are nil where users do not change
// their password here: there is no page for it then.
func (g *gateway) passwordRules(r *http.Request) (*directoryv1.GetPasswordRulesResponse, error) {
	rules, err := g.Directory.GetPasswordRules(r.Context(), &directoryv1.GetPasswordRulesRequest{})
	if status.Code(err) == codes.Unimplemented {
		return nil, nil
	}
	return rules, err
}

// passwordURL is the path of the page, empty where there is none. A directory that
// is away hides the link: the page around it is of use without.
func (g *gateway) passwordURL(r *http.Request) string {
	rules, err := g.passwordRules(r)
	if err != nil {
		g.Log.WarnContext(r.Context(), "rules of passwords could not be read",
			slog.String("request_id", edge.InfoOf(r.Context()).ID), slog.String("error", err.Error()))
	}
	if rules == nil {
		return ""
	}
	return accountPasswordPath
}

func (g *gateway) renderPassword(w http.ResponseWriter, r *http.Request, code int, v visitor, complaints ...pages.FieldError) {
	rules, err := g.passwordRules(r)
	switch {
	case err != nil:
		g.pageFailure(w, r, err)
		return
	case rules == nil:
		g.absent(w, r)
		return
	}
	page := pages.ChangePassword{
		Frame: v.frame(), Form: v.form(accountPasswordPath), MinLength: int(rules.GetMinLength()), BackURL: accountAppsPath,
	}
	if len(complaints) > 0 {
		page.Err = &pages.FormError{Errors: complaints}
	}
	g.render(w, r, code, page)
}

func (g *gateway) changePassword(w http.ResponseWriter, r *http.Request, v visitor) {
	rules, err := g.passwordRules(r)
	switch {
	case err != nil:
		g.pageFailure(w, r, err)
		return
	case rules == nil:
		g.absent(w, r)
		return
	}
	if complaints := unusablePasswords(v.posted, rules); len(complaints) > 0 {
		g.renderPassword(w, r, http.StatusBadRequest, v, complaints...)
		return
	}
	resp, err := g.Authorize.ChangePassword(r.Context(), &authorizev1.ChangePasswordRequest{
		Browser: browserOf(r), Password: v.posted.Get("password"), NewPassword: v.posted.Get("new_password"),
	})
	switch refused := faultOf(err); {
	case refused.Kind == fault.Invalid:
		g.renderPassword(w, r, http.StatusBadRequest, v, pages.FieldError{Field: pages.FieldNewPassword, Text: refused.Message})
	case refused.Kind == fault.NotFound:
		seeOther(w, signInFor(accountPasswordPath))
	case err != nil:
		g.pageFailure(w, r, err)
	case g.admitted(w, r, resp, func(code int, complaint pages.FieldError) {
		if complaint.Complaint == pages.SignInRefused {
			complaint.Complaint = pages.PasswordWrong
		}
		g.renderPassword(w, r, code, v, complaint)
	}):
		seeOther(w, doneAt(accountAppsPath, pages.OutcomePasswordChanged))
	}
}

// unusablePasswords says what is wrong with the fields before anybody looks at the
// present password.
func unusablePasswords(posted form.Values, rules *directoryv1.GetPasswordRulesResponse) (complaints []pages.FieldError) {
	complain := func(field pages.Field, complaint pages.Complaint, number int32) {
		fe := pages.FieldError{Field: field, Complaint: complaint}
		if number > 0 {
			fe.Name = strconv.Itoa(int(number))
		}
		complaints = append(complaints, fe)
	}
	present, next := posted.Get("password"), posted.Get("new_password")
	switch {
	case present == "":
		complain(pages.FieldPassword, pages.PasswordMissing, 0)
	case len(present) > maxPasswordBytes:
		complain(pages.FieldPassword, pages.PasswordWrong, 0)
	}
	switch {
	case len(next) < int(rules.GetMinLength()):
		complain(pages.FieldNewPassword, pages.PasswordShort, rules.GetMinLength())
	case len(next) > int(rules.GetMaxLength()):
		complain(pages.FieldNewPassword, pages.PasswordLong, rules.GetMaxLength())
	case posted.Get("repeat_password") != next:
		complain(pages.FieldRepeatPassword, pages.PasswordDiffers, 0)
	}
	return complaints
}
