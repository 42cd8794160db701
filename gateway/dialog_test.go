package gateway_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

const binding = "binding-of-tx1"

func bindingCookie(tx string) string {
	sum := sha256.Sum256([]byte(tx))
	return "__Host-tx-" + hex.EncodeToString(sum[:])[:8]
}

func tokenFor(binding string) string {
	sum := sha256.Sum256([]byte("chancery form token" + binding))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// boundCookies are those of the browser that tx1 belongs to.
func boundCookies() string { return "__Host-session=s1; " + bindingCookie("tx1") + "=" + binding }

// dialogWorld has one transaction, tx1, that is at page.
func dialogWorld(t *testing.T, page authorizev1.Interaction_Page) *world {
	t.Helper()
	w := newWorld(t)
	w.authorize.interaction = func(req *authorizev1.GetInteractionRequest) (*authorizev1.GetInteractionResponse, error) {
		if req.GetTransaction() != "tx1" || !slices.Contains(req.GetBrowser().GetBindings(), binding) {
			return nil, oauth.Refuse(oauth.InvalidRequest, "transaction is over")
		}
		return interactionOf(t, page), nil
	}
	return w
}

func interactionOf(t *testing.T, page authorizev1.Interaction_Page) *authorizev1.GetInteractionResponse {
	t.Helper()
	claims, err := structpb.NewStruct(map[string]any{"name": "Ada Example"})
	if err != nil {
		t.Fatal(err)
	}
	return &authorizev1.GetInteractionResponse{
		Page:        page,
		Client:      &registryv1.Client{ClientId: "c1", ClientName: "Demo App", ClientUri: "https://demo.example", LogoUri: "https://tracker.test/logo.png", Unverified: true},
		RedirectUri: "https://app.example/cb",
		LoginHint:   "ada",
		Account:     &authorizev1.Account{Sub: "u1", Username: "ada@example", Claims: claims},
		Consent: &consentv1.EvaluateResponse{
			ConsentRequired: true,
			Scopes: []*registryv1.ScopeDescription{
				{Name: "openid", Description: "Know who you are", Group: "About you"},
				{Name: "workspace:admin", Description: "Administer", Group: "Work", Level: "admin", Sensitive: true},
				{Name: "offline_access", Description: "Keep access", Group: "About you", Sensitive: true},
				{Name: "write", Description: "Write", Group: "Work", Sensitive: true},
			},
			Levels:         ladderLevels(),
			WorkspaceLevel: "admin", ProjectLevel: "viewer",
			Workspaces: []*consentv1.WorkspaceChoice{
				{WorkspaceId: "w1", Name: "First", Role: "member", Selected: true, ApprovedScope: "workspace:admin", ApprovedRole: "member"},
				{WorkspaceId: "w2", Name: "Second", Role: "admin"},
			},
			Projects: []*consentv1.ProjectChoice{
				{ProjectId: "p1", Name: "Alpha", WorkspaceId: "w1", WorkspaceName: "First", Role: "member"},
				{ProjectId: "p2", Name: "Beta", WorkspaceId: "w2", WorkspaceName: "Second", Role: "admin", Selected: true, ApprovedScope: "project:viewer", ApprovedRole: "viewer"},
				{ProjectId: "p3", Name: "Gamma", WorkspaceId: "w1", WorkspaceName: "First", Role: "member"},
			},
		},
	}
}

var dialogPages = map[string]authorizev1.Interaction_Page{
	"/signin":  authorizev1.Interaction_PAGE_SIGN_IN,
	"/account": authorizev1.Interaction_PAGE_ACCOUNT,
	"/consent": authorizev1.Interaction_PAGE_CONSENT,
}

// goodAnswer is what each dialog's form may hold.
var goodAnswer = map[string]string{
	"/signin":  "action=sign-in&username=ada&password=correct",
	"/account": "action=continue",
	"/consent": "decision=allow&workspace=w1&project=p1",
}

// scriptAnswers has every dialog lead back to the client.
func scriptAnswers(w *world) {
	done := redirectStep("code", "x")
	w.authorize.signIn = func(*authorizev1.SignInRequest) (*authorizev1.SignInResponse, error) {
		return &authorizev1.SignInResponse{Outcome: authorizev1.SignInResponse_OUTCOME_SIGNED_IN, Session: "s2", Next: done}, nil
	}
	w.authorize.choose = func(*authorizev1.ChooseAccountRequest) (*authorizev1.Step, error) { return done, nil }
	w.authorize.consent = func(*authorizev1.SubmitConsentRequest) (*authorizev1.Step, error) { return done, nil }
	w.authorize.cancel = func(*authorizev1.CancelAuthorizationRequest) (*authorizev1.Step, error) {
		return redirectStep("error", "access_denied"), nil
	}
}

func formOf(rest string) string { return "tx=tx1&form_token=" + tokenFor(binding) + "&" + rest }

func TestDialogsShowTheirPage(t *testing.T) {
	for path, page := range dialogPages {
		t.Run(path, func(t *testing.T) {
			w := dialogWorld(t, page)
			got := w.get(path+"?tx=tx1", "Cookie", boundCookies())
			got.wantStatus(t, 200)
			for _, want := range []string{`name="tx" value="tx1"`, `name="form_token" value="` + tokenFor(binding) + `"`, `action="` + path + `"`, "Demo App", "Unverified app"} {
				if !strings.Contains(got.body, want) {
					t.Errorf("page lacks %s", want)
				}
			}
			if strings.Contains(got.body, "tracker.test") {
				t.Error("page fetches a logo from elsewhere")
			}
			// Chromium blocks the redirect after the POST otherwise.
			if csp := got.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://app.example;") {
				t.Errorf("Content-Security-Policy = %s", csp)
			}
			// A transaction that is elsewhere leads there.
			for other, p := range dialogPages {
				if p != page {
					moved := w.get(other+"?tx=tx1", "Cookie", boundCookies())
					moved.wantStatus(t, 303)
					if l := moved.Header.Get("Location"); l != path+"?tx=tx1" {
						t.Errorf("%s leads to %s, want %s", other, l, path)
					}
				}
			}
		})
	}
}

// N046: a page's address is worth nothing in another browser.
func TestN046_OtherBrowsersSeeAnErrorPage(t *testing.T) {
	for path, page := range dialogPages {
		w := dialogWorld(t, page)
		for _, cookies := range []string{
			"", "__Host-session=s1", bindingCookie("tx2") + "=" + binding, bindingCookie("tx1") + "=other",
			bindingCookie("tx1") + "=" + binding + "; " + bindingCookie("tx1") + "=" + binding,
		} {
			w.get(path+"?tx=tx1", "Cookie", cookies).wantPage(t, 400)
		}
	}
}

// N066, N081: a form counts only from its own page, in its own browser.
func TestN066_N081_ForgedFormsAreRefused(t *testing.T) {
	for path, page := range dialogPages {
		t.Run(path, func(t *testing.T) {
			w := dialogWorld(t, page)
			scriptAnswers(w)
			good := formOf(goodAnswer[path])
			w.post(path, good, "Cookie", boundCookies()).wantStatus(t, 303)
			w.post(path, good, "Cookie", boundCookies(), "Origin", issuer).wantStatus(t, 303)
			w.post(path, good, "Cookie", boundCookies(), "Sec-Fetch-Site", "same-origin").wantStatus(t, 303)
			before := w.authorize.count()
			rest := goodAnswer[path]
			for name, got := range map[string]answer{
				"no form token":          w.post(path, "tx=tx1&"+rest, "Cookie", boundCookies()),
				"an empty form token":    w.post(path, "tx=tx1&form_token=&"+rest, "Cookie", boundCookies()),
				"another binding's":      w.post(path, "tx=tx1&form_token="+tokenFor("x")+"&"+rest, "Cookie", boundCookies()),
				"the binding itself":     w.post(path, "tx=tx1&form_token="+binding+"&"+rest, "Cookie", boundCookies()),
				"no cookie":              w.post(path, good),
				"no cookie, empty token": w.post(path, "tx=tx1&form_token="+tokenFor("")+"&"+rest),
				"another transaction":    w.post(path, strings.Replace(good, "tx1", "tx2", 1), "Cookie", boundCookies()),
				"another origin":         w.post(path, good, "Cookie", boundCookies(), "Origin", "https://evil.test"),
				"no origin to speak of":  w.post(path, good, "Cookie", boundCookies(), "Origin", "null"),
				"another site":           w.post(path, good, "Cookie", boundCookies(), "Sec-Fetch-Site", "cross-site"),
				"a sibling":              w.post(path, good, "Cookie", boundCookies(), "Sec-Fetch-Site", "same-site"),
			} {
				got.wantPage(t, 403)
				if len(got.Cookies()) > 0 {
					t.Errorf("%s: cookies %v", name, got.Cookies())
				}
			}
			for name, got := range map[string]answer{
				"N040 JSON":            w.post(path, `{}`, "Cookie", boundCookies(), "Content-Type", "application/json"),
				"a parameter twice":    w.post(path, good+"&tx=tx1", "Cookie", boundCookies()),
				"something in a query": w.post(path+"?tx=tx1", good, "Cookie", boundCookies()),
				"no known action":      w.post(path, formOf("action=x&decision=x"), "Cookie", boundCookies()),
			} {
				t.Run(name, func(t *testing.T) { got.wantPage(t, 400) })
			}
			if w.authorize.count() != before {
				t.Error("a forged form reached the service")
			}
		})
	}
}

// N048: whoever answers too late is told so, and not that somebody else has
// signed in.
func TestN048_LateFormsSayThatTheyAreLate(t *testing.T) {
	for path, page := range dialogPages {
		w := dialogWorld(t, page)
		got := w.post(path, formOf(goodAnswer[path]))
		got.wantPage(t, 403)
		if !strings.Contains(got.body, "This page has expired") {
			t.Errorf("%s says %s", path, got.body)
		}
	}
}

// Tabs that a browser opens all at once each begin a transaction before any of
// them knows of the others.
func TestEveryTabAnswersItsOwnTransaction(t *testing.T) {
	var jar strings.Builder
	for i := range 12 {
		fmt.Fprintf(&jar, "__Host-tx-%08x=other; ", i)
	}
	for path, page := range dialogPages {
		w := dialogWorld(t, page)
		scriptAnswers(w)
		w.get(path+"?tx=tx1", "Cookie", jar.String()+boundCookies()).wantStatus(t, 200)
		w.post(path, formOf(goodAnswer[path]), "Cookie", jar.String()+boundCookies()).wantStatus(t, 303)
	}
}

// N069: nothing but a transaction's handle leads anywhere.
func TestN069_NoReturnTargets(t *testing.T) {
	w := dialogWorld(t, authorizev1.Interaction_PAGE_SIGN_IN)
	for _, query := range []string{
		"", "?return_to=//evil.test", "?tx=//evil.test", "?tx=/%5Cevil.test", "?tx=/%09/evil.test", "?tx=https:evil.test", "?tx=javascript:alert(1)",
		"?tx=/oauth/../..//evil.test", "?tx=", "?tx=tx1&tx=tx1", "?tx=" + strings.Repeat("a", 129),
	} {
		for path := range dialogPages {
			got := w.get(path+query, "Cookie", boundCookies())
			got.wantStatus(t, 200)
			if got.Header.Get("Location") != "" || strings.Contains(got.body, "evil.test") {
				t.Errorf("%s%s leads away", path, query)
			}
		}
	}
}

// N076.
func TestN076_CredentialsInTheAddress(t *testing.T) {
	w := dialogWorld(t, authorizev1.Interaction_PAGE_SIGN_IN)
	w.get("/signin?tx=tx1&password=hunter2", "Cookie", boundCookies()).wantPage(t, 405)
	if strings.Contains(w.log.String(), "hunter2") {
		t.Errorf("log = %s", w.log.String())
	}
}

// N075: no page of whatever status may be framed.
func TestN075_NoFrames(t *testing.T) {
	w := dialogWorld(t, authorizev1.Interaction_PAGE_SIGN_IN)
	capture(w, errorStep("server_error", ""))
	for _, got := range []answer{
		w.get("/signin?tx=tx1", "Cookie", boundCookies()), w.get("/signin"), w.get("/signin?tx=tx1"), w.post("/signin", "x=y"),
		w.do(call{method: "PUT", path: "/signin"}), w.get("/oauth/authorize"), w.get("/none", "Accept", "text/html"), w.get("/"),
	} {
		if got.Header.Get("X-Frame-Options") != "DENY" || !strings.Contains(got.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s %s: %d has %v", got.Request.Method, got.Request.URL, got.StatusCode, got.Header)
		}
	}
}

// N044, N067: a sign-in has a new session, and leads on by 303.
func TestN067_SignInSetsTheSession(t *testing.T) {
	w := dialogWorld(t, authorizev1.Interaction_PAGE_SIGN_IN)
	scriptAnswers(w)
	w.authorize.signIn = func(req *authorizev1.SignInRequest) (*authorizev1.SignInResponse, error) {
		if req.GetUsername() != "ada" || req.GetPassword() != "correct" || req.GetTransaction() != "tx1" || req.GetBrowser().GetSession() != "s1" {
			t.Errorf("request = %v", req)
		}
		return &authorizev1.SignInResponse{
			Outcome: authorizev1.SignInResponse_OUTCOME_SIGNED_IN, Session: "s2",
			Next: interactionStep(authorizev1.Interaction_PAGE_CONSENT, "tx1", ""),
		}, nil
	}
	got := w.post("/signin", formOf(goodAnswer["/signin"]), "Cookie", boundCookies())
	got.wantStatus(t, 303)
	if l := got.Header.Get("Location"); l != "/consent?tx=tx1" {
		t.Errorf("Location = %s", l)
	}
	c := got.cookie("__Host-session")
	if c == nil || c.Value != "s2" || !c.HttpOnly || !c.Secure || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("session cookie = %v", c)
	}
}

func TestSignInThatFails(t *testing.T) {
	outcome := func(o authorizev1.SignInResponse_Outcome, after time.Duration) func(*authorizev1.SignInRequest) (*authorizev1.SignInResponse, error) {
		return func(*authorizev1.SignInRequest) (*authorizev1.SignInResponse, error) {
			return &authorizev1.SignInResponse{Outcome: o, RetryAfter: durationpb.New(after)}, nil
		}
	}
	failure := func(err error) func(*authorizev1.SignInRequest) (*authorizev1.SignInResponse, error) {
		return func(*authorizev1.SignInRequest) (*authorizev1.SignInResponse, error) { return nil, err }
	}
	unasked := failure(nil)
	tests := []struct {
		name, form string
		signIn     func(*authorizev1.SignInRequest) (*authorizev1.SignInResponse, error)
		status     int
		says       string
		retry      string
	}{
		{"refused", "username=ada&password=x", outcome(authorizev1.SignInResponse_OUTCOME_REFUSED, 0), 401, "do not match an account", ""},
		{"too many", "username=ada&password=x", outcome(authorizev1.SignInResponse_OUTCOME_TOO_MANY_ATTEMPTS, 1500*time.Millisecond), 429, "many attempts", "2"},
		{"too many, no time", "username=ada&password=x", outcome(authorizev1.SignInResponse_OUTCOME_TOO_MANY_ATTEMPTS, 0), 429, "many attempts", "1"},
		{"no outcome", "username=ada&password=x", outcome(0, 0), 500, "", ""},
		{"no password", "username=ada", unasked, 400, "Enter your password", ""},
		{"no username", "password=x", unasked, 400, "Enter your email", ""},
		{"N073 a long password", "username=ada&password=" + strings.Repeat("x", 1025), unasked, 400, "do not match", ""},
		{"a long username", "password=x&username=" + strings.Repeat("x", 257), unasked, 400, "do not match", ""},
		{"N073 a NUL", "username=ada&password=%00", unasked, 400, "", ""},
		{"over", "username=ada&password=x", failure(oauth.Refuse(oauth.InvalidRequest, "over")), 400, "expired", ""},
		{"away", "username=ada&password=x", failure(rpcerr.ErrUnavailable), 503, "Not available", "1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := dialogWorld(t, authorizev1.Interaction_PAGE_SIGN_IN)
			w.authorize.signIn = tt.signIn
			got := w.post("/signin", formOf("action=sign-in&"+tt.form), "Cookie", boundCookies())
			got.wantStatus(t, tt.status)
			if !strings.Contains(got.body, tt.says) {
				t.Errorf("page does not say %q", tt.says)
			}
			if got.Header.Get("Retry-After") != tt.retry || got.Header.Get("WWW-Authenticate") != "" || got.cookie("__Host-session") != nil {
				t.Errorf("headers = %v", got.Header)
			}
			if strings.Contains(got.body, `value="x"`) {
				t.Error("page has the password")
			}
		})
	}
}

func TestCancelLeadsBackToTheClient(t *testing.T) {
	w := dialogWorld(t, authorizev1.Interaction_PAGE_SIGN_IN)
	scriptAnswers(w)
	got := w.post("/signin", formOf("action=cancel&username=&password="), "Cookie", boundCookies())
	got.wantStatus(t, 303)
	if l := got.Header.Get("Location"); l != "https://app.example/cb?keep=1&error=access_denied" {
		t.Errorf("Location = %s", l)
	}
	if c := got.cookie(bindingCookie("tx1")); c == nil || c.MaxAge >= 0 {
		t.Errorf("binding cookie = %v, want it gone", c)
	}
}

func TestAccountChoice(t *testing.T) {
	w := dialogWorld(t, authorizev1.Interaction_PAGE_ACCOUNT)
	for action, want := range map[string]bool{"continue": true, "switch": false} {
		w.authorize.choose = func(req *authorizev1.ChooseAccountRequest) (*authorizev1.Step, error) {
			if req.GetProceed() != want {
				t.Errorf("%s: proceed = %v", action, req.GetProceed())
			}
			return interactionStep(authorizev1.Interaction_PAGE_SIGN_IN, "tx1", ""), nil
		}
		w.post("/account", formOf("action="+action), "Cookie", boundCookies()).wantStatus(t, 303)
	}
	// The consent page offers the same switch.
	consent := dialogWorld(t, authorizev1.Interaction_PAGE_CONSENT)
	scriptAnswers(consent)
	consent.post("/account", formOf("action=switch"), "Cookie", boundCookies()).wantStatus(t, 303)
}
