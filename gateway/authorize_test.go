package gateway_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

const authorizeQuery = "response_type=code&client_id=c1&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&scope=openid"

// capture answers every authorization request with step, and keeps it.
func capture(w *world, step *authorizev1.Step) *authorizev1.StartAuthorizationRequest {
	var last authorizev1.StartAuthorizationRequest
	w.authorize.begin = func(req *authorizev1.StartAuthorizationRequest) (*authorizev1.Step, error) {
		last.Request, last.Browser = req.GetRequest(), req.GetBrowser()
		return step, nil
	}
	return &last
}

// N003: what is sent is decoded once.
func TestN003_ParametersAreDecodedOnce(t *testing.T) {
	w := newWorld(t)
	last := capture(w, errorStep("invalid_request", "no"))
	want := &authorizev1.AuthorizationRequest{
		ResponseType: "code", ClientId: "c1", RedirectUri: "https://app.example/cb%2f..", Scope: "openid email",
		State: "a b+c", Resource: []string{"https://a.example", "https://b.example"},
	}
	form := "response_type=code&client_id=c1&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%252f..&scope=openid+email" +
		"&state=a%20b%2Bc&resource=https%3A%2F%2Fa.example&resource=https://b.example&nonce=&unknown=x"
	for name, got := range map[string]answer{
		"GET":  w.get("/oauth/authorize?" + form),
		"POST": w.post("/oauth/authorize", form),
	} {
		got.wantPage(t, 400)
		if diff := cmp.Diff(want, last.GetRequest(), protocmp.Transform()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// N010, N015, N019, N037: the service is told what came more than once, and gets
// no value of it.
func TestN010_RepeatedParametersHaveNoValue(t *testing.T) {
	w := newWorld(t)
	last := capture(w, errorStep("invalid_request", "redirect_uri comes more than once"))
	for _, form := range []string{
		authorizeQuery + "&redirect_uri=https%3A%2F%2Fevil.test",
		"redirect_uri=https%3A%2F%2Fevil.test&" + authorizeQuery,
		authorizeQuery + "&redirect_uri=",
		authorizeQuery + "&redirect%5Furi=https%3A%2F%2Fevil.test",
	} {
		got := w.get("/oauth/authorize?" + form)
		got.wantPage(t, 400)
		if strings.Contains(got.body, "evil.test") {
			t.Errorf("page names the redirect URI of %s", form)
		}
		if r := last.GetRequest(); r.GetRedirectUri() != "" || !slices.Equal(r.GetRepeatedParameters(), []string{"redirect_uri"}) {
			t.Errorf("%s: redirect_uri %q, repeated %q", form, r.GetRedirectUri(), r.GetRepeatedParameters())
		}
	}
	w.get("/oauth/authorize?" + authorizeQuery + "&state=a&state=b&x=1&x=2&resource=a&resource=b")
	if r := last.GetRequest(); r.GetState() != "" || !slices.Equal(r.GetRepeatedParameters(), []string{"state", "x"}) {
		t.Errorf("state %q, repeated %q", r.GetState(), r.GetRepeatedParameters())
	}
	// The list is the edge's word, not a parameter.
	w.get("/oauth/authorize?" + authorizeQuery + "&repeated_parameters=client_id")
	if r := last.GetRequest().GetRepeatedParameters(); len(r) > 0 {
		t.Errorf("repeated = %q", r)
	}
}

// N016, N017, N040, N041: what cannot be read in one way only is a page, and
// nobody is asked.
func TestN041_UnreadableRequestsAreAPage(t *testing.T) {
	w := newWorld(t)
	capture(w, redirectStep("code", "x"))
	w.get("/oauth/authorize?"+authorizeQuery).wantStatus(t, 303)
	w.post("/oauth/authorize", authorizeQuery).wantStatus(t, 303)
	before := w.authorize.count()
	const form = "application/x-www-form-urlencoded"
	for name, got := range map[string]answer{
		"N041 semicolon":          w.get("/oauth/authorize?" + authorizeQuery + ";client_id=c2"),
		"N041 65 parameters":      w.get("/oauth/authorize?" + authorizeQuery + strings.Repeat("&a", 61)),
		"N041 one 1,000 times":    w.get("/oauth/authorize?" + authorizeQuery + strings.Repeat("&a=1", 1000)),
		"N016 NUL":                w.get("/oauth/authorize?" + authorizeQuery + "%00"),
		"N016 no UTF-8":           w.get("/oauth/authorize?" + authorizeQuery + "&client_id=%ff"),
		"N017 lone surrogate":     w.get("/oauth/authorize?" + authorizeQuery + "&nonce=%ed%a0%80"),
		"a broken escape":         w.get("/oauth/authorize?" + authorizeQuery + "&nonce=%zz"),
		"N040 JSON":               w.post("/oauth/authorize", `{"client_id":"c1"}`, "Content-Type", "application/json"),
		"N040 multipart":          w.post("/oauth/authorize", authorizeQuery, "Content-Type", "multipart/form-data; boundary=x"),
		"N040 text":               w.post("/oauth/authorize", authorizeQuery, "Content-Type", "text/plain"),
		"N040 gzip":               w.post("/oauth/authorize", authorizeQuery, "Content-Encoding", "gzip"),
		"N040 query and body":     w.post("/oauth/authorize?client_id=c1", authorizeQuery),
		"N010 one in each":        w.post("/oauth/authorize?redirect_uri=https://evil.test", authorizeQuery, "Content-Type", form),
		"N242 a key of 20 KiB":    w.post("/oauth/authorize", authorizeQuery+"&"+strings.Repeat("k", 20<<10)+"=1"),
		"a value of 17 KiB":       w.post("/oauth/authorize", authorizeQuery+"&nonce="+strings.Repeat("k", 17<<10)),
		"two content types":       w.post("/oauth/authorize", authorizeQuery, "Content-Type", form, "Content-Type", "text/plain"),
		"another charset":         w.post("/oauth/authorize", authorizeQuery, "Content-Type", form+"; charset=utf-16"),
		"a parameter besides it":  w.post("/oauth/authorize", authorizeQuery, "Content-Type", form+"; boundary=x"),
		"a media type that isn't": w.post("/oauth/authorize", authorizeQuery, "Content-Type", ";"),
	} {
		t.Run(name, func(t *testing.T) { got.wantPage(t, 400) })
	}
	if w.authorize.count() != before {
		t.Error("a request that cannot be read reached the service")
	}
}

// N023, N037: a value that is merely too long is for the service to refuse, so
// that the client is told.
func TestLongValuesReachTheService(t *testing.T) {
	w := newWorld(t)
	last := capture(w, redirectStep("error", "invalid_scope"))
	w.post("/oauth/authorize", authorizeQuery+"&state="+strings.Repeat("a", 10<<10)).wantStatus(t, 303)
	if len(last.GetRequest().GetState()) != 10<<10 {
		t.Errorf("state of %d bytes", len(last.GetRequest().GetState()))
	}
}

// N039.
func TestN039_Methods(t *testing.T) {
	w := newWorld(t)
	capture(w, redirectStep("code", "x"))
	for _, method := range []string{"PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "PATCH"} {
		got := w.do(call{method: method, path: "/oauth/authorize?" + authorizeQuery, header: headerOf([]string{"Origin", "https://app.example"})})
		got.wantStatus(t, 405)
		if got.Header.Get("Allow") != "GET, POST" {
			t.Errorf("%s: Allow = %q", method, got.Header.Get("Allow"))
		}
		noCORS(t, method, got)
	}
	if n := w.authorize.count(); n > 0 {
		t.Errorf("%d calls", n)
	}
}

// N042, N044, N045: the response is the service's, byte for byte, by 303.
func TestN042_RedirectCarriesTheResponse(t *testing.T) {
	w := newWorld(t)
	capture(w, redirectStep("code", "a/b+c d", "state", `"><script>é`, "iss", issuer))
	for name, got := range map[string]answer{
		"GET":  w.get("/oauth/authorize?" + authorizeQuery),
		"POST": w.post("/oauth/authorize", authorizeQuery),
	} {
		got.wantStatus(t, 303)
		location := got.Header.Get("Location")
		if want := "https://app.example/cb?keep=1&code=a%2Fb%2Bc%20d&state=%22%3E%3Cscript%3E%C3%A9&iss=https%3A%2F%2Fas.test"; location != want {
			t.Errorf("%s: Location = %s, want %s", name, location, want)
		}
		if u, err := url.Parse(location); err != nil || u.Query().Get("iss") != issuer || u.Fragment != "" {
			t.Errorf("%s: iss = %q, %v", name, u.Query().Get("iss"), err)
		}
		if got.body != "" || got.Header.Get("Referrer-Policy") != "no-referrer" || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: body %q, headers %v", name, got.body, got.Header)
		}
	}
}

// OAuth 2.0 Form Post Response Mode §2.
func TestFormPostIsAPage(t *testing.T) {
	w := newWorld(t)
	step := redirectStep("code", "x", "state", `"><script>`, "iss", issuer)
	step.GetRedirect().ResponseMode = "form_post"
	capture(w, step)
	got := w.get("/oauth/authorize?" + authorizeQuery)
	got.wantStatus(t, 200)
	for _, want := range []string{`action="https://app.example/cb?keep=1"`, `name="code" value="x"`, `value="&#34;&gt;&lt;script&gt;"`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("page lacks %s:\n%s", want, got.body)
		}
	}
	if csp := got.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://app.example;") || got.Header.Get("Location") != "" {
		t.Errorf("Content-Security-Policy = %s", csp)
	}
}

// N014, N018: every error that has nowhere to go is a page.
func TestN014_ErrorPages(t *testing.T) {
	for code, status := range map[oauth.ErrorCode]int{
		oauth.InvalidRequest: 400, oauth.InvalidClient: 400, oauth.UnauthorizedClient: 400, oauth.UnsupportedResponseType: 400,
		oauth.InvalidScope: 400, oauth.InvalidRequestURI: 400, oauth.AccessDenied: 403, oauth.TemporarilyUnavailable: 503,
	} {
		t.Run(string(code), func(t *testing.T) {
			w := newWorld(t)
			capture(w, errorStep(string(code), `<b>"x"`))
			got := w.get("/oauth/authorize?response_type=token&redirect_uri=https%3A%2F%2Fevil.test%2Fcb")
			got.wantPage(t, status)
			if !strings.Contains(got.body, string(code)) || strings.Contains(got.body, "evil.test") || strings.Contains(got.body, "<b>") {
				t.Errorf("page = %s", got.body)
			}
		})
	}
}

// A link that would have sent the user elsewhere is not the app's mistake alone:
// the page says what was stopped.
func TestTheUserIsWarnedOfAForeignRedirectURI(t *testing.T) {
	w := newWorld(t)
	step := errorStep("invalid_request", "no")
	capture(w, step)
	const warning = "an address that the app has not registered"
	if got := w.get("/oauth/authorize?" + authorizeQuery); strings.Contains(got.body, warning) {
		t.Error("the page warns of a redirect URI that was not refused")
	}
	step.GetErrorPage().RedirectUriRefused = true
	got := w.get("/oauth/authorize?" + authorizeQuery)
	got.wantPage(t, 400)
	if !strings.Contains(got.body, warning) {
		t.Errorf("page = %s", got.body)
	}
}

// N250: a call that fails is a page too, and says nothing of why.
func TestN250_FailedCallsArePages(t *testing.T) {
	w := newWorld(t)
	for err, status := range map[error]int{
		fmt.Errorf("dial tcp hunter2"):         500,
		rpcerr.ErrUnavailable:                  503,
		oauth.Refuse(oauth.AccessDenied, "no"): 403,
	} {
		w.authorize.begin = func(*authorizev1.StartAuthorizationRequest) (*authorizev1.Step, error) { return nil, err }
		got := w.get("/oauth/authorize?" + authorizeQuery)
		got.wantPage(t, status)
		if strings.Contains(got.body, "hunter2") {
			t.Errorf("page = %s", got.body)
		}
		if status == 503 && got.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	capture(w, nil)
	w.get("/oauth/authorize?"+authorizeQuery).wantPage(t, 500)
	capture(w, interactionStep(authorizev1.Interaction_PAGE_SIGN_IN, "//evil.test", "b"))
	w.get("/oauth/authorize?"+authorizeQuery).wantPage(t, 500)
}

// SECURITY: a transaction is bound to one browser by a cookie of its own.
func TestInteractionBindsTheBrowser(t *testing.T) {
	w := newWorld(t)
	pages := map[authorizev1.Interaction_Page]string{
		authorizev1.Interaction_PAGE_SIGN_IN: "/signin", authorizev1.Interaction_PAGE_ACCOUNT: "/account", authorizev1.Interaction_PAGE_CONSENT: "/consent",
	}
	for page, path := range pages {
		capture(w, interactionStep(page, "tx1", "secret"))
		got := w.get("/oauth/authorize?" + authorizeQuery)
		got.wantStatus(t, 303)
		if l := got.Header.Get("Location"); l != path+"?tx=tx1" {
			t.Errorf("Location = %s", l)
		}
		c := got.cookie(bindingCookie("tx1"))
		if c == nil || c.Value != "secret" || !c.HttpOnly || !c.Secure || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 900 {
			t.Errorf("cookie = %v", c)
		}
	}
	capture(w, interactionStep(authorizev1.Interaction_PAGE_CONSENT, "tx1", ""))
	if got := w.get("/oauth/authorize?" + authorizeQuery); len(got.Cookies()) > 0 {
		t.Errorf("cookies = %v", got.Cookies())
	}
}

// A browser has at most five transactions; the oldest goes.
func TestOldestBindingGoes(t *testing.T) {
	w := newWorld(t)
	capture(w, interactionStep(authorizev1.Interaction_PAGE_SIGN_IN, "tx-new", "b"))
	jar := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("%s=v%d", bindingCookie(fmt.Sprint(i)), i))
		}
		return strings.Join(all, "; ")
	}
	if got := w.get("/oauth/authorize?"+authorizeQuery, "Cookie", jar(4)); len(got.Cookies()) != 1 {
		t.Errorf("with four: %v", got.Cookies())
	}
	got := w.get("/oauth/authorize?"+authorizeQuery, "Cookie", jar(5))
	if oldest := got.cookie(bindingCookie("0")); len(got.Cookies()) != 2 || oldest == nil || oldest.MaxAge >= 0 {
		t.Errorf("with five: %v", got.Cookies())
	}
}

// N078: of two cookies with one name, one is somebody else's.
func TestN078_CookiesThatComeTwiceAreAbsent(t *testing.T) {
	w := newWorld(t)
	last := capture(w, errorStep("invalid_request", ""))
	w.get("/oauth/authorize?"+authorizeQuery, "Cookie", "__Host-session=s1; __Host-tx-aaaaaaaa=b1; session=x; other=y", "Sec-Fetch-Dest", "iframe", "User-Agent", "Agent\t/1 \xff"+strings.Repeat("é", 200))
	b := last.GetBrowser()
	if b.GetSession() != "s1" || !slices.Equal(b.GetBindings(), []string{"b1"}) || b.GetAddressBlock() != "127.0.0.1/32" {
		t.Errorf("browser = %v", b)
	}
	if dest := b.GetFetchDest(); dest != "iframe" {
		t.Errorf("Sec-Fetch-Dest = %q", dest)
	}
	if ua := b.GetUserAgent(); !strings.HasPrefix(ua, "Agent/1 é") || len(ua) > 256 {
		t.Errorf("User-Agent = %q", ua)
	}
	w.get("/oauth/authorize?"+authorizeQuery, "Cookie", "__Host-session=s1; __Host-tx-aaaaaaaa=b1; __Host-session=s2; __Host-tx-aaaaaaaa=b2; __Host-tx-bbbbbbbb=b3")
	if b := last.GetBrowser(); b.GetSession() != "" || !slices.Equal(b.GetBindings(), []string{"b3"}) {
		t.Errorf("browser = %v", b)
	}
}
