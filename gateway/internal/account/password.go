package account

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/browser"
	"github.com/chancery-auth/chancery/gateway/internal/desk"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/internal/link"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

// Password is the page on which users change their password.
func (p *Pages) Password() http.Handler {
	return p.Serve(desk.Desk{Show: p.showPassword, Act: p.changePassword})
}

// rules are what a password must be. Fails with ErrAbsent where users do not change
// their password here: there is no page for it then.
func (p *Pages) rules(r *http.Request) (*directoryv1.GetPasswordRulesResponse, error) {
	rules, err := p.Directory.GetPasswordRules(r.Context(), &directoryv1.GetPasswordRulesRequest{})
	if status.Code(err) == codes.Unimplemented {
		return nil, answer.ErrAbsent
	}
	return rules, err
}

// passwordURL is the path of the page, empty where there is none. A directory that
// is away hides the link: the page around it is of use without.
func (p *Pages) passwordURL(r *http.Request) string {
	_, err := p.rules(r)
	if err == nil {
		return link.AccountPassword
	}
	if !errors.Is(err, answer.ErrAbsent) {
		p.Log.LogAttrs(r.Context(), slog.LevelWarn, "rules of passwords could not be read", answer.About(r, err)...)
	}
	return ""
}

func (p *Pages) showPassword(w http.ResponseWriter, r *http.Request, v *desk.Visitor) error {
	rules, err := p.rules(r)
	if err != nil {
		return err
	}
	return p.Render(w, v.Status, pages.ChangePassword{
		Frame: v.Frame(), Form: v.Form(link.AccountPassword), MinLength: int(rules.GetMinLength()), BackURL: link.AccountApps, Err: v.Wrong,
	})
}

func (p *Pages) changePassword(w http.ResponseWriter, r *http.Request, v *desk.Visitor) error {
	rules, err := p.rules(r)
	if err != nil {
		return err
	}
	if complaints := unusable(v.Posted, rules); complaints != nil {
		return answer.Complain(http.StatusBadRequest, complaints...)
	}
	resp, err := p.Authorize.ChangePassword(r.Context(), &authorizev1.ChangePasswordRequest{
		Browser: browser.Of(r), Password: v.Posted.Get("password"), NewPassword: v.Posted.Get("new_password"),
	})
	switch refused := answer.FaultOf(err); {
	case refused.Kind == fault.Invalid:
		return answer.Complain(http.StatusBadRequest, pages.FieldError{Field: pages.FieldNewPassword, Text: refused.Message})
	case refused.Kind == fault.NotFound:
		return answer.SeeOther(w, link.SignInFor(link.AccountPassword))
	case err != nil:
		return err
	}
	if err := browser.Admit(w, r, resp, pages.PasswordWrong); err != nil {
		return err
	}
	return desk.Done(w, link.AccountApps, pages.OutcomePasswordChanged)
}

// unusable says what is wrong with the fields before the present password is looked at.
func unusable(posted form.Values, rules *directoryv1.GetPasswordRulesResponse) (complaints []pages.FieldError) {
	complain := func(field pages.Field, complaint pages.Complaint, number string) {
		complaints = append(complaints, pages.FieldError{Field: field, Complaint: complaint, Name: number})
	}
	present, next := posted.Get("password"), posted.Get("new_password")
	switch {
	case present == "":
		complain(pages.FieldPassword, pages.PasswordMissing, "")
	case len(present) > browser.MaxPassword:
		complain(pages.FieldPassword, pages.PasswordWrong, "")
	}
	switch least, most := int(rules.GetMinLength()), int(rules.GetMaxLength()); {
	case len(next) < least:
		complain(pages.FieldNewPassword, pages.PasswordShort, strconv.Itoa(least))
	case len(next) > most:
		complain(pages.FieldNewPassword, pages.PasswordLong, strconv.Itoa(most))
	case posted.Get("repeat_password") != next:
		complain(pages.FieldRepeatPassword, pages.PasswordDiffers, "")
	}
	return complaints
}
