package authorize_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	"github.com/chancery-auth/chancery/services/authorize"
)

func TestPushedRequestsLeadToACode(t *testing.T) {
	onBoth(t, func(w *world) {
		resp, err := w.PushAuthorizationRequest(t.Context(), &authorizev1.PushAuthorizationRequestRequest{
			ResponseType: "code", ClientId: "p1", RedirectUri: "http://127.0.0.1:1024/cb", Scope: "openid", State: "the state",
			CodeChallenge: challenge, CodeChallengeMethod: "S256",
		})
		if err != nil || resp.GetExpiresIn() != 90 || !strings.HasPrefix(resp.GetRequestUri(), "urn:ietf:params:oauth:request_uri:") {
			t.Fatalf("PushAuthorizationRequest() = %v, %v", resp, err)
		}
		b := w.signedIn("u1")
		tx := w.begin(b, consentPage, func(r *authorizev1.AuthorizationRequest) {
			pushed(resp.GetRequestUri())(r)
			r.ClientId = "p1"
		})
		w.wantCode(w.allow(b, tx))
	})
}

func TestN050_OnlyTheClientItselfPushes(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*authorizev1.PushAuthorizationRequestRequest){
		"no secret":    func(r *authorizev1.PushAuthorizationRequestRequest) { r.ClientSecret = "" },
		"wrong secret": func(r *authorizev1.PushAuthorizationRequestRequest) { r.ClientSecret = "wrong" },
		"unknown":      func(r *authorizev1.PushAuthorizationRequestRequest) { r.ClientId = "c9" },
	} {
		if _, err := w.push(change); err == nil {
			t.Errorf("%s: pushed", name)
		} else {
			w.wantError(err, oauth.InvalidClient)
		}
	}
	if n := w.rows("pushed_request"); n != 0 {
		t.Errorf("%d requests are kept", n)
	}
}

// N052, N053: what the authorization endpoint would refuse is refused here.
func TestN053_PushedRequestsKeepTheSameRules(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name   string
		change func(*authorizev1.PushAuthorizationRequestRequest)
		want   oauth.ErrorCode
	}{
		{"redirect URI", func(r *authorizev1.PushAuthorizationRequestRequest) { r.RedirectUri = "https://evil.test" }, oauth.InvalidRequest},
		{"PKCE", func(r *authorizev1.PushAuthorizationRequestRequest) { r.CodeChallenge = "" }, oauth.InvalidRequest},
		{"scope", func(r *authorizev1.PushAuthorizationRequestRequest) { r.Scope = "openid phone" }, oauth.InvalidScope},
		{"response_type", func(r *authorizev1.PushAuthorizationRequestRequest) { r.ResponseType = "token" }, oauth.UnsupportedResponseType},
		{"request", func(r *authorizev1.PushAuthorizationRequestRequest) { r.Request = "e30.e30." }, oauth.RequestNotSupported},
		{"N052 request_uri", func(r *authorizev1.PushAuthorizationRequestRequest) {
			r.RequestUri = "urn:ietf:params:oauth:request_uri:x"
		}, oauth.InvalidRequest},
	}
	for _, tt := range tests {
		_, err := w.push(tt.change)
		if w.wantError(err, tt.want); t.Failed() {
			t.Fatalf("%s", tt.name)
		}
	}
	if n := w.rows("pushed_request"); n != 0 {
		t.Errorf("%d requests are kept", n)
	}
	w.mustPush()
}

func TestN054_ARequestURIIsOfItsClient(t *testing.T) {
	w := newWorld(t)
	uri := w.mustPush()
	with := func(clientID string) change {
		return func(r *authorizev1.AuthorizationRequest) {
			pushed(uri)(r)
			r.ClientId = clientID
		}
	}
	w.wantErrorPage(w.start(&browser{}, with("c2")), oauth.InvalidRequestURI)
	w.wantErrorPage(w.start(&browser{}, with("")), oauth.InvalidClient)
	// Nothing was consumed.
	b := &browser{}
	w.begin(b, signInPage, with("c1"))
	w.wantErrorPage(w.start(b, with("c2")), oauth.InvalidRequestURI)
}

func TestN055_ARequestURIWorksOnceAndInOneBrowser(t *testing.T) {
	w := newWorld(t)
	uri := w.mustPush()
	b := w.signedIn("u1")
	tx := w.begin(b, consentPage, pushed(uri))
	// Reload.
	step := w.start(b, pushed(uri))
	if got := step.GetInteraction(); got.GetTransaction() != tx || got.GetBinding() != "" {
		t.Errorf("reload leads to %v", step)
	}
	w.wantErrorPage(w.start(w.signedIn("u1"), pushed(uri)), oauth.InvalidRequestURI)
	w.wantCode(w.allow(b, tx))
	w.wantErrorPage(w.start(b, pushed(uri)), oauth.InvalidRequestURI)

	// Where nobody is asked, it works once as well.
	uri = w.mustPush()
	w.wantCode(w.start(b, pushed(uri)))
	w.wantErrorPage(w.start(b, pushed(uri)), oauth.InvalidRequestURI)
}

func TestN056_ARequestURIGivesOneCode(t *testing.T) {
	onBoth(t, func(w *world) {
		b := w.connected("u1")
		w.token.issued = nil
		uri := w.mustPush()
		w.race(func() (*authorizev1.Step, error) {
			resp, err := w.StartAuthorization(w.Context(), &authorizev1.StartAuthorizationRequest{Request: request(pushed(uri)), Browser: b.cookies()})
			return resp.GetNext(), err
		})
	})
}

func TestN057_ARequestURIExpires(t *testing.T) {
	w := newWorld(t, func(p *preset.Preset) { p.Lifetimes.PushedRequest = 0 })
	uri := w.mustPush()
	expired := w.start(&browser{}, pushed(uri))
	w.wantErrorPage(expired, oauth.InvalidRequestURI)
	if _, err := sweeptest.All(t.Context(), w.service.Sweeps()...); err != nil {
		t.Fatal(err)
	}
	if n := w.rows("pushed_request"); n != 0 {
		t.Errorf("%d requests are kept", n)
	}
}

func TestN058_OnlyARequestURIOfOursIsLookedUp(t *testing.T) {
	w := newWorld(t)
	uri := w.mustPush()
	for _, other := range []string{
		uri[:len(uri)-1], uri + "A", uri + "\x00", "urn:ietf:params:oauth:request_uri:", uri[:len(uri)-1] + "_x",
		strings.ToLower(uri),
	} {
		w.wantErrorPage(w.start(&browser{}, pushed(other)), oauth.InvalidRequestURI)
	}
	for _, foreign := range []string{"https://evil.test/r.jwt", "http://169.254.169.254/", strings.ToUpper(uri), "urn:example:x", " " + uri} {
		w.wantErrorPage(w.start(&browser{}, pushed(foreign)), oauth.InvalidRequest)
		w.wantRefusal(w.start(&browser{}, func(r *authorizev1.AuthorizationRequest) { r.RequestUri = foreign }), oauth.RequestURINotSupported)
	}
	w.begin(&browser{}, signInPage, pushed(uri))
}

func TestN059_OnlyWhatWasPushedCounts(t *testing.T) {
	w := newWorld(t)
	b := w.signedIn("u1")
	uri := w.mustPush()
	step := w.allow(b, w.begin(b, consentPage, func(r *authorizev1.AuthorizationRequest) {
		r.RequestUri, r.Scope, r.RedirectUri, r.State = uri, "openid workspace:member", "https://evil.test", "x"
		r.CodeChallenge, r.Prompt, r.ResponseMode = strings.Repeat("A", 43), "none", "form_post"
		r.RepeatedParameters = []string{"scope"}
	}))
	w.wantCode(step)
	if got := step.GetRedirect(); got.GetRedirectUri() != "https://app.example/cb" || got.GetResponseMode() != "query" {
		t.Errorf("answer is %v", got)
	}
	if got := w.token.issued[0]; got.GetScope() != "openid profile" || got.GetCodeChallenge() != challenge {
		t.Errorf("code stands for %v", got)
	}
}

func TestN061_AClientThatMustPush(t *testing.T) {
	w := newWorld(t)
	w.registry.clients["c1"].RequirePushedAuthorizationRequests = true
	w.wantRefusal(w.start(&browser{}, nil), oauth.InvalidRequest)
	w.begin(&browser{}, signInPage, pushed(w.mustPush()))
}

// N062.
func TestN062_PushedParametersAreInNoCookieAndNoURL(t *testing.T) {
	w := newWorld(t)
	b := &browser{}
	step := w.start(b, pushed(w.mustPush()))
	for _, text := range []string{step.GetInteraction().GetTransaction(), step.GetInteraction().GetBinding()} {
		if len(text) != 43 {
			t.Errorf("%q is no handle", text)
		}
	}
}

func TestN063_AClientHasSoManyPushedRequests(t *testing.T) {
	w := newWorld(t)
	const limit = 1000
	for range limit {
		w.mustPush()
	}
	_, err := w.push(nil)
	w.wantError(err, oauth.TemporarilyUnavailable)
	if n := w.rows("pushed_request"); n != limit {
		t.Errorf("%d requests are kept", n)
	}
	_, err = w.push(func(r *authorizev1.PushAuthorizationRequestRequest) {
		r.ClientId, r.RedirectUri = "c2", "https://two.example/cb"
	})
	if err != nil {
		t.Errorf("another client: %v", err)
	}
}

func TestN319_EachClientHasItsAllowanceOfPushes(t *testing.T) {
	stores := authorize.NewStores(databasetest.SQLite(t, coherence.Set(), events.Set(), authorize.Migrations()))
	w := newWorldOn(t, stores)
	w.pushes = ratelimit.Gate{
		Limiter: ratelimit.New(func() time.Time { return time.Time{} }, nil), Class: ratelimit.Class{Name: ratelimit.Push, Rate: 2},
	}
	_, w.AuthorizeServiceClient = w.process(authorize.Config{Issuer: issuer, Preset: preset.Default()}, stores)
	wrong := func(r *authorizev1.PushAuthorizationRequestRequest) { r.ClientSecret = "wrong" }
	for range 9 { // takes nothing of it
		_, err := w.push(wrong)
		w.wantError(err, oauth.InvalidClient)
	}
	for i := range 5 {
		if _, err := w.push(nil); (err == nil) != (i < 4) || err != nil && !errors.Is(err, fault.Exhausted) {
			t.Errorf("push %d: %v", i, err)
		}
	}
}
