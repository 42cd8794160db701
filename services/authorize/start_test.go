package authorize_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

const (
	signInPage  = authorizev1.Interaction_PAGE_SIGN_IN
	accountPage = authorizev1.Interaction_PAGE_ACCOUNT
	consentPage = authorizev1.Interaction_PAGE_CONSENT
)

type change = func(*authorizev1.AuthorizationRequest)

func prompt(value string) change {
	return func(r *authorizev1.AuthorizationRequest) { r.Prompt = value }
}

// RFC 6749 §4.1, and RFC 9207 §2 (N042).
func TestFromRequestToCode(t *testing.T) {
	onBoth(t, func(w *world) {
		b := &browser{}
		tx := w.begin(b, signInPage, nil)
		view := w.wantView(b, tx, signInPage)
		if view.GetAccount() != nil || view.GetClient().GetClientName() != "Client c1" || view.GetRedirectUri() != "https://app.example/cb" {
			t.Errorf("sign-in page shows %v", view)
		}
		w.wantPage(w.signIn(b, tx, "u1"), consentPage)
		view = w.wantView(b, tx, consentPage)
		if view.GetAccount().GetSub() != "u1" || !view.GetConsent().GetConsentRequired() {
			t.Errorf("consent page shows %v", view)
		}
		step, err := w.submit(b, tx, "w1")
		if err != nil {
			t.Fatal(err)
		}
		w.wantCode(step)
		if len(w.consent.recorded) != 1 || !cmp.Equal(w.consent.recorded[0].GetWorkspaceIds(), []string{"w1"}) {
			t.Errorf("recorded %v", w.consent.recorded)
		}
		issued := w.token.issued[0]
		want := &tokenv1.IssueCodeRequest{
			ClientId: "c1", Sub: "u1", GrantId: "grant of u1 c1", GrantVersion: 3, SubjectVersion: 5,
			SessionId: issued.GetSessionId(), RedirectUri: "https://app.example/cb", CodeChallenge: challenge, Nonce: "n",
			Scope: "openid profile", AuthTime: issued.GetAuthTime(), ClientIdentity: identity,
			IssueTime: issued.GetIssueTime(),
		}
		if diff := cmp.Diff(want, issued, protocmp.Transform()); diff != "" || issued.GetSessionId() == "" || issued.GetAuthTime() == 0 || issued.GetIssueTime() == 0 {
			t.Errorf("code stands for %v: %s", issued, diff)
		}
	})
}

func TestNothingIsWrittenWhenNothingIsAsked(t *testing.T) {
	w := newWorld(t)
	b := w.connected("u1")
	before := w.rows("transaction")
	for _, p := range []string{"", "none"} {
		w.wantCode(w.start(b, prompt(p)))
	}
	if got := w.rows("transaction"); got != before {
		t.Errorf("%d transactions, want %d", got, before)
	}
	if n := len(w.consent.recorded); n != 1 {
		t.Errorf("%d grants recorded, want 1", n)
	}
}

func TestFormPostIsKept(t *testing.T) {
	w := newWorld(t)
	b := w.connected("u1")
	mode := func(r *authorizev1.AuthorizationRequest) { r.ResponseMode = "form_post" }
	if step := w.start(b, mode); step.GetRedirect().GetResponseMode() != "form_post" {
		t.Errorf("step is %v", step)
	}
}

func TestLoopbackAnswersGoToThePortOfTheRequest(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn("u1")
	step := w.allow(b, w.begin(b, consentPage, func(r *authorizev1.AuthorizationRequest) {
		r.ClientId, r.RedirectUri = "p1", "http://127.0.0.1:51004/cb"
	}))
	w.wantCode(step)
	if got := step.GetRedirect().GetRedirectUri(); got != "http://127.0.0.1:51004/cb" {
		t.Errorf("answer goes to %s", got)
	}
}

// Every refusal that the client would be told, and to an unregistered place.
func TestN014_NoRefusalGoesToAnUnregisteredRedirectURI(t *testing.T) {
	w := newWorld(t)
	breaks := map[oauth.ErrorCode]change{
		oauth.InvalidRequest:          prompt("foo"),
		oauth.UnsupportedResponseType: func(r *authorizev1.AuthorizationRequest) { r.ResponseType = "token" },
		oauth.InvalidScope:            func(r *authorizev1.AuthorizationRequest) { r.Scope = "x" },
		oauth.InvalidTarget:           func(r *authorizev1.AuthorizationRequest) { r.Resource = []string{"https://x.example"} },
		oauth.RequestNotSupported:     func(r *authorizev1.AuthorizationRequest) { r.Request = "x" },
		// N034.
		oauth.RequestURINotSupported: func(r *authorizev1.AuthorizationRequest) { r.RequestUri = "http://169.254.169.254/" },
		oauth.LoginRequired:          prompt("none"),
	}
	for want, breakIt := range breaks {
		w.wantRefusal(w.start(&browser{}, breakIt), want)
		w.wantErrorPage(w.start(&browser{}, func(r *authorizev1.AuthorizationRequest) {
			breakIt(r)
			r.RedirectUri = "https://evil.test"
		}), oauth.InvalidRequest)
	}
	// N011.
	other := w.start(&browser{}, func(r *authorizev1.AuthorizationRequest) { r.RedirectUri = "https://two.example/cb" })
	w.wantErrorPage(other, oauth.InvalidRequest)
	if !other.GetErrorPage().GetRedirectUriRefused() {
		t.Error("the page does not say that the redirect URI is not the client's")
	}
	if absent := w.start(&browser{}, func(r *authorizev1.AuthorizationRequest) { r.RedirectUri = "" }); absent.GetErrorPage().GetRedirectUriRefused() {
		t.Error("the page speaks of a redirect URI where there is none")
	}
	if n := w.rows("transaction"); n != 0 {
		t.Errorf("%d transactions were created", n)
	}
}

func TestN015_UnknownClientsLookAlike(t *testing.T) {
	w := newWorld(t)
	var first *authorizev1.Step
	for _, id := range []string{"unknown", "", "C1", "c1 ", "c1\x00", strings.Repeat("c", 4096)} {
		step := w.start(&browser{}, func(r *authorizev1.AuthorizationRequest) { r.ClientId = id })
		w.wantErrorPage(step, oauth.InvalidClient)
		if first == nil {
			first = step
		}
		if !proto.Equal(first, step) {
			t.Errorf("client_id %.20q gives %v, another %v", id, step, first)
		}
	}
}

func TestN010_RepeatedParameters(t *testing.T) {
	w := newWorld(t)
	repeat := func(name string) change {
		return func(r *authorizev1.AuthorizationRequest) { r.RepeatedParameters = []string{name} }
	}
	for _, name := range []string{"client_id", "redirect_uri", "request_uri"} {
		w.wantErrorPage(w.start(&browser{}, repeat(name)), oauth.InvalidRequest)
	}
	w.wantRefusal(w.start(&browser{}, repeat("scope")), oauth.InvalidRequest)
	// N037: a state that came twice is not returned.
	step := w.start(&browser{}, repeat("state"))
	w.wantAnswer(step, [][2]string{{"error", "invalid_request"}, {"error_description", value(step, "error_description")}, {"iss", issuer}})
}

func TestN024_OfflineAccessWithoutPromptConsent(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn("u1")
	scope := func(p string) change {
		return func(r *authorizev1.AuthorizationRequest) { r.Scope, r.Prompt = "openid offline_access", p }
	}
	w.wantCode(w.allow(b, w.begin(b, consentPage, scope(""))))
	w.wantCode(w.allow(b, w.begin(b, consentPage, scope("consent"))))
	for i, want := range []string{"openid", "openid offline_access"} {
		if got := w.token.issued[i].GetScope(); got != want {
			t.Errorf("code %d has scope %q, want %q", i, got, want)
		}
		if got := w.consent.recorded[i].GetScope(); got != want {
			t.Errorf("grant %d has scope %q, want %q", i, got, want)
		}
	}
}

// Where refresh tokens come unasked, offline_access is a scope like others.
func TestN024_OfflineAccessWhereItNeedNotBeAsked(t *testing.T) {
	w := newWorld(t, func(p *preset.Preset) { p.Refresh.Unasked = true })
	b := w.signedIn("u1")
	w.wantCode(w.allow(b, w.begin(b, consentPage, func(r *authorizev1.AuthorizationRequest) { r.Scope = "openid offline_access" })))
	if got := w.token.issued[0].GetScope(); got != "openid offline_access" {
		t.Errorf("code has scope %q", got)
	}
}

func TestN022_ARequestWithoutScopeAsksForWhoTheUserIs(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn("u1")
	w.wantCode(w.allow(b, w.begin(b, consentPage, func(r *authorizev1.AuthorizationRequest) { r.Scope = "" })))
	if got := w.token.issued[0].GetScope(); got != "openid profile email" {
		t.Errorf("code has scope %q", got)
	}
	if _, err := w.push(func(r *authorizev1.PushAuthorizationRequestRequest) { r.Scope = "" }); err != nil {
		t.Errorf("PushAuthorizationRequest() = %v", err)
	}
}

func TestN022_ThePresetSaysWhatScopeEveryRequestNeeds(t *testing.T) {
	w := newWorld(t, func(p *preset.Preset) {
		p.Authorization.RequiredScope, p.Authorization.ScopeMandatory = oauth.Scope{"openid"}, true
	})
	for _, scope := range []string{"", "profile"} {
		w.wantRefusal(w.start(&browser{}, func(r *authorizev1.AuthorizationRequest) { r.Scope = scope }), oauth.InvalidScope)
		_, err := w.push(func(r *authorizev1.PushAuthorizationRequestRequest) { r.Scope = scope })
		w.wantError(err, oauth.InvalidScope)
	}
	w.begin(&browser{}, signInPage, nil)
}

func TestN009_LoopbackPortsVaryWhereThePresetLetsThem(t *testing.T) {
	w := newWorld(t, func(p *preset.Preset) { p.Authorization.VariableLoopbackPort = false })
	to := func(uri string) change {
		return func(r *authorizev1.AuthorizationRequest) { r.ClientId, r.RedirectUri = "p1", uri }
	}
	push := func(uri string) error {
		_, err := w.push(func(r *authorizev1.PushAuthorizationRequestRequest) {
			r.ClientId, r.RedirectUri, r.ClientSecret = "p1", uri, ""
		})
		return err
	}
	w.wantErrorPage(w.start(&browser{}, to("http://127.0.0.1:51004/cb")), oauth.InvalidRequest)
	w.wantError(push("http://127.0.0.1:51004/cb"), oauth.InvalidRequest)
	w.begin(&browser{}, signInPage, to("http://127.0.0.1/cb"))
	if err := push("http://127.0.0.1/cb"); err != nil {
		t.Errorf("PushAuthorizationRequest() = %v", err)
	}
}

func TestN026_PromptNone(t *testing.T) {
	w := newWorld(t)
	w.wantRefusal(w.start(&browser{}, prompt("none")), oauth.LoginRequired)
	b := w.signedIn("u1")
	w.wantRefusal(w.start(b, prompt("none")), oauth.ConsentRequired)
	b = w.connected("u1")
	w.wantCode(w.start(b, prompt("none")))
	// A grant that is smaller than the request.
	w.wantRefusal(w.start(b, func(r *authorizev1.AuthorizationRequest) { r.Prompt, r.Scope = "none", "openid email" }), oauth.ConsentRequired)
	// A sign-in that is too old.
	w.wantRefusal(w.start(b, func(r *authorizev1.AuthorizationRequest) { r.Prompt, r.MaxAge = "none", "0" }), oauth.LoginRequired)
	w.wantCode(w.start(b, func(r *authorizev1.AuthorizationRequest) { r.Prompt, r.MaxAge = "none", "3600" }))
	// Another user than the client means.
	hint := func(sub string) change {
		return func(r *authorizev1.AuthorizationRequest) {
			r.Prompt, r.IdTokenHint = "none", w.token.hint(t, sub, "c1")
		}
	}
	w.wantRefusal(w.start(b, hint("u2")), oauth.LoginRequired)
	w.wantCode(w.start(b, hint("u1")))
	// N030: a hint logs nobody in.
	w.wantRefusal(w.start(&browser{}, hint("u1")), oauth.LoginRequired)
	w.wantRefusal(w.start(b, func(r *authorizev1.AuthorizationRequest) { r.IdTokenHint = w.token.hint(t, "u1", "c2") }), oauth.InvalidRequest)
}

func TestN043_UnverifiedClientsRedirectNobodyWhoIsNotSignedIn(t *testing.T) {
	w := newWorld(t)
	w.registry.clients["c1"].Unverified = true
	scope := func(r *authorizev1.AuthorizationRequest) { r.Scope = "x" }
	w.wantErrorPage(w.start(&browser{}, scope), oauth.InvalidScope)
	w.wantErrorPage(w.start(&browser{}, prompt("none")), oauth.LoginRequired)
	w.wantRefusal(w.start(w.signedIn("u1"), scope), oauth.InvalidScope)
	// Who gives up on a page has seen whom it is for.
	b := &browser{}
	tx := w.begin(b, signInPage, nil)
	resp, err := w.CancelAuthorization(t.Context(), &authorizev1.CancelAuthorizationRequest{Transaction: tx, Browser: b.cookies()})
	if err != nil {
		t.Fatal(err)
	}
	w.wantRefusal(resp.GetNext(), oauth.AccessDenied)
}

func TestN091_PromptConsentAlwaysAsks(t *testing.T) {
	w := newWorld(t)
	w.registry.clients["c1"].SkipConsent = true
	b := w.connectedSilently("u1")
	tx := w.begin(b, consentPage, prompt("consent"))
	w.wantCode(w.allow(b, tx))
}

// connectedSilently is a signed-in browser whose user was not asked by C1.
func (w *world) connectedSilently(user string) *browser {
	w.Helper()
	b := &browser{}
	w.wantCode(w.signIn(b, w.begin(b, signInPage, nil), user))
	return b
}

func TestClientsThatSkipConsentRecordWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	w.registry.clients["c1"].SkipConsent = true
	b := w.connectedSilently("u1")
	w.wantCode(w.start(b, nil))
	w.wantCode(w.start(b, func(r *authorizev1.AuthorizationRequest) { r.Scope = "openid email" }))
	want := []*consentv1.RecordGrantRequest{
		{Sub: "u1", ClientId: "c1", Scope: "openid profile", ClientName: "Client c1", RedirectUri: "https://app.example/cb", ByPolicy: true},
		{Sub: "u1", ClientId: "c1", Scope: "openid email", ClientName: "Client c1", RedirectUri: "https://app.example/cb", ByPolicy: true},
	}
	if diff := cmp.Diff(want, w.consent.recorded, protocmp.Transform()); diff != "" {
		t.Errorf("recorded: %s", diff)
	}
}

// N090: consent remembers as what the user has allowed the client.
func TestConsentSeesTheClientAsTheUserDoes(t *testing.T) {
	w := newWorld(t)
	w.registry.clients["p1"].WorkspaceId = "w1"
	b := w.signedIn("u1")
	tx := w.begin(b, consentPage, func(r *authorizev1.AuthorizationRequest) {
		r.ClientId, r.RedirectUri = "p1", "http://127.0.0.1:51004/cb"
	})
	last := w.consent.asked[len(w.consent.asked)-1]
	if diff := cmp.Diff(w.registry.clients["p1"], last.GetClient(), protocmp.Transform()); diff != "" {
		t.Errorf("Evaluate() got: %s", diff)
	}
	if last.GetRedirectUri() != "http://127.0.0.1:51004/cb" {
		t.Errorf("Evaluate() got the redirect URI %q", last.GetRedirectUri())
	}
	w.wantCode(w.allow(b, tx))
	want := []*consentv1.RecordGrantRequest{{
		Sub: "u1", ClientId: "p1", Scope: "openid profile",
		ClientName: "Client p1", WorkspaceId: "w1", RedirectUri: "http://127.0.0.1:51004/cb",
	}}
	if diff := cmp.Diff(want, w.consent.recorded, protocmp.Transform()); diff != "" {
		t.Errorf("recorded: %s", diff)
	}
}

func TestAServiceThatIsAwayIsNoRefusal(t *testing.T) {
	w := newWorld(t)
	hinted := request(func(r *authorizev1.AuthorizationRequest) { r.IdTokenHint = w.token.hint(t, "u1", "c1") })
	w.token.err = errors.New("keys are away")
	_, err := w.StartAuthorization(t.Context(), &authorizev1.StartAuthorizationRequest{Request: hinted})
	w.wantError(err, oauth.ServerError)
	w.registry.err = errors.New("database is away")
	_, err = w.StartAuthorization(t.Context(), &authorizev1.StartAuthorizationRequest{Request: request(nil)})
	w.wantError(err, oauth.ServerError)
}
