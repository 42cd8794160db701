package gateway_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

const (
	appURL     = "/developer/apps/" + appID
	secretsURL = appURL + "/secrets"
	newAppForm = "workspace_id=" + workspaceID + "&name=+Books+&description=Keeps%0D%0A+books.&homepage_url=https%3A%2F%2Fbooks.example&policy_url=https%3A%2F%2Fbooks.example%2Fp" +
		"&terms_url=https%3A%2F%2Fbooks.example%2Ft&redirect_uris=https%3A%2F%2Fa.example%2Fcb%0D%0A%0D%0A++https%3A%2F%2Fb.example%2Fcb++%0D%0A" +
		"&client_type=web&token_endpoint_auth_method=client_secret_post&scope=openid&scope=email&visibility=public"
)

func TestDeveloperPages(t *testing.T) {
	w := deskWorld(t)
	for path, wants := range map[string][]string{
		"/developer/apps": {"Example Works", "Ledger Sync", appID, `href="` + appURL + `"`, `href="/developer/apps/new?workspace=` + workspaceID + `"`},
		"/developer/apps/new?workspace=" + workspaceID: {`action="/developer/apps/new"`, `name="workspace_id" value="` + workspaceID + `"`, `value="openid"`, `name="client_type"`, `name="visibility"`},
		appURL:             {`action="` + appURL + `"`, `name="revision" value="7"`, "https://one.example/cb\nhttps://two.example/cb", `value="Ledger Sync"`, `name="token_endpoint_auth_method"`},
		secretsURL:         {`action="` + secretsURL + `"`, "wxyz", `value="` + secretID + `"`},
		appURL + "/delete": {`action="` + appURL + `/delete"`, `name="confirm_name"`},
		appURL + "/logo":   {`action="` + appURL + `/logo"`, `name="logo"`, "multipart/form-data"},
	} {
		got := w.get(path, "Cookie", signedInCookies)
		got.wantStatus(t, 200)
		for _, want := range wants {
			if !strings.Contains(got.body, want) {
				t.Errorf("%s lacks %s", path, want)
			}
		}
		if got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept", path)
		}
	}
	form := w.get(appURL, "Cookie", signedInCookies)
	if strings.Contains(form.body, `value="introspect"`) {
		t.Error("form offers a scope that no user grants")
	}
	if !tickedIn(form.body, "email") {
		t.Error("form does not show the app's scope")
	}
}

// A new app of no workspace is one of the only workspace there is.
func TestNewAppOfNoWorkspace(t *testing.T) {
	w := deskWorld(t)
	for cookie, want := range map[string]string{
		signedInCookies: "/developer/apps/new?workspace=" + workspaceID, "__Host-session=s2": "/developer/apps",
	} {
		l := w.get("/developer/apps/new", "Cookie", cookie)
		if got := l.Header.Get("Location"); l.StatusCode != 303 || got != want {
			t.Errorf("%d to %q, want to %q", l.StatusCode, got, want)
		}
	}
}

// N215: an app is nothing to who has no part in its workspace, and closed to who
// is no admin of it.
func TestN215_AppsBelongToAWorkspace(t *testing.T) {
	for _, tt := range []struct {
		name, sub string
		status    int
	}{{"a stranger", "u2", 404}, {"a viewer", "u3", 403}} {
		t.Run(tt.name, func(t *testing.T) {
			w := deskWorld(t)
			w.authorize.session = func(*authorizev1.GetSessionRequest) (*authorizev1.GetSessionResponse, error) {
				return &authorizev1.GetSessionResponse{Session: &authorizev1.Session{SessionId: sessionID}, Account: &authorizev1.Account{Sub: tt.sub, Username: tt.sub}}, nil
			}
			for name, got := range map[string]answer{
				"read":          w.get(appURL, "Cookie", signedInCookies),
				"change":        w.post(appURL, deskForm("revision=7&name=x"), "Cookie", signedInCookies),
				"secrets":       w.get(secretsURL, "Cookie", signedInCookies),
				"new secret":    w.post(secretsURL, onceForm("action=create"), "Cookie", onceCookies),
				"revoke secret": w.post(secretsURL, onceForm("action=revoke&secret_id="+secretID), "Cookie", onceCookies),
				"question":      w.get(appURL+"/delete", "Cookie", signedInCookies),
				"delete":        w.post(appURL+"/delete", deskForm("confirm_name=Ledger+Sync"), "Cookie", signedInCookies),
				"logo page":     w.get(appURL+"/logo", "Cookie", signedInCookies),
				"logo":          w.postLogo(t, logoParts("upload", []byte("png"))),
			} {
				got.wantPage(t, tt.status)
				if strings.Contains(got.body, "Ledger Sync") || strings.Contains(got.body, "Example Works") {
					t.Errorf("%s: page names the app", name)
				}
			}
			w.get("/developer/apps/new?workspace="+workspaceID, "Cookie", signedInCookies).wantPage(t, 404)
			if n := w.changes(); n > 0 {
				t.Errorf("%d changes", n)
			}
		})
	}
	// What is not there answers as what is another's.
	w := deskWorld(t)
	w.get("/developer/apps/"+grantID, "Cookie", signedInCookies).wantPage(t, 404)
	w.developer.fail = fault.New(fault.NotFound, "no such workspace")
	w.post("/developer/apps/new", onceForm(newAppForm), "Cookie", onceCookies).wantPage(t, 404)
	w.developer.fail = fault.New(fault.Denied, "only admins may")
	w.post("/developer/apps/new", onceForm(newAppForm), "Cookie", onceCookies).wantPage(t, 403)
}

// N214: the form sets what developers may choose, and nothing else.
func TestN214_NewAppsAreWhatTheFormSays(t *testing.T) {
	w := deskWorld(t)
	got := w.post("/developer/apps/new", onceForm(newAppForm+"&client_id=mine&skip_consent=true&unverified=false&client_kind=x&revision=9&first_party=1"), "Cookie", onceCookies)
	got.wantStatus(t, 201)
	want := &registryv1.CreateAppRequest{Sub: "u1", WorkspaceId: workspaceID, App: &registryv1.Client{
		ClientName: "Books", Description: "Keeps books.", ApplicationType: "web", TokenEndpointAuthMethod: "client_secret_post", TokenEndpointAuthMethodsSupported: []string{"client_secret_post"},
		RedirectUris: []string{"https://a.example/cb", "https://b.example/cb"}, Scope: "openid email", ClientUri: "https://books.example",
		PolicyUri: "https://books.example/p", TosUri: "https://books.example/t", Visibility: "public",
	}}
	if diff := cmp.Diff(want, w.developer.created[0], protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

// N220: a secret is in the answer that made it, and nowhere else. A reload of that
// answer makes no other.
func TestN220_SecretsAreShownOnce(t *testing.T) {
	tests := []struct {
		name, path, form, secret string
		made                     func(*world) int
	}{
		{"new app", "/developer/apps/new", newAppForm, "chcs_first", func(w *world) int { return len(w.developer.created) }},
		{"new secret", secretsURL, "action=create", "chcs_another", func(w *world) int { return w.developer.secrets }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := deskWorld(t)
			got := w.post(tt.path, onceForm(tt.form), "Cookie", onceCookies)
			got.wantStatus(t, 201)
			if !strings.Contains(got.body, `data-testid="client-secret">`+tt.secret) || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("page does not show the secret, or may be kept: %v", got.Header)
			}
			if strings.Contains(got.Header.Get("Set-Cookie"), "chcs") || strings.Contains(w.log.String(), "chcs_") {
				t.Error("the secret is in a cookie or in the log")
			}
			next := got.cookie("__Host-once")
			if next == nil || next.Value == "o1" || len(next.Value) < 43 {
				t.Fatalf("cookie = %v", next)
			}
			// The browser sends the form again, with the cookie of the answer.
			again := w.post(tt.path, onceForm(tt.form), "Cookie", signedInCookies+"; __Host-once="+next.Value)
			again.wantPage(t, 400)
			if tt.made(w) != 1 {
				t.Errorf("%d were made", tt.made(w))
			}
			if strings.Contains(again.body, tt.secret) {
				t.Error("the secret is shown again")
			}
			if strings.Contains(w.get(secretsURL, "Cookie", signedInCookies).body, tt.secret) {
				t.Error("the list shows the secret")
			}
			// What the answer shows can be used to go on.
			if !strings.Contains(got.body, tokenFor("s1 "+next.Value)) {
				t.Error("the answer's form is not one that counts")
			}
			w.post(tt.path, onceForm(tt.form), "Cookie", signedInCookies).wantPage(t, 400)
			empty := strings.Replace(onceForm(tt.form), tokenFor("s1 o1"), tokenFor("s1 "), 1)
			w.post(tt.path, empty, "Cookie", signedInCookies).wantPage(t, 400)
			if tt.made(w) != 1 {
				t.Errorf("%d were made", tt.made(w))
			}
		})
	}
	page := deskWorld(t).get(secretsURL, "Cookie", signedInCookies)
	if c := page.cookie("__Host-once"); c == nil || !strings.Contains(page.body, tokenFor("s1 "+c.Value)) {
		t.Errorf("the form is not bound to the cookie %v", c)
	}
}

func TestNewAppWithoutSecret(t *testing.T) {
	w := deskWorld(t)
	w.developer.public = true
	got := w.post("/developer/apps/new", onceForm(newAppForm), "Cookie", onceCookies)
	if l := got.Header.Get("Location"); got.StatusCode != 303 || l != appURL+"?done=app-created" {
		t.Errorf("%d to %s", got.StatusCode, l)
	}
	if got := w.get(appURL+"?done=app-created", "Cookie", signedInCookies); !strings.Contains(got.body, "App created") {
		t.Error("page does not say that the app is there")
	}
	if got := w.get(secretsURL, "Cookie", signedInCookies); strings.Contains(got.body, `value="create"`) {
		t.Error("page offers a secret that there cannot be")
	}
}

// An app may ask for what its developer has chosen, and not for everything that
// there is.
func TestNewAppNeedsAPermission(t *testing.T) {
	w := deskWorld(t)
	form := strings.NewReplacer("&scope=openid", "", "&scope=email", "").Replace(newAppForm)
	got := w.post("/developer/apps/new", onceForm(form), "Cookie", onceCookies)
	got.wantStatus(t, 400)
	if !strings.Contains(got.body, `id="complaint-scope"`) || !strings.Contains(got.body, "Choose at least one permission.") {
		t.Error("page does not say what is missing")
	}
	if n := w.changes(); n > 0 {
		t.Errorf("%d changes", n)
	}
}

// The sentence of a refusal stands at the field that it is about, and what was
// typed stays.
func TestRefusalsStandAtTheirField(t *testing.T) {
	for message, tt := range map[string]struct{ field, want string }{
		"redirect_uris: redirect_uri must not have a fragment": {"redirect_uris", "Redirect URI must not have a fragment"},
		"redirect_uris is required for the grant type x":       {"redirect_uris", "Redirect URIs are required for the grant type x"},
		"app.client_name: is required":                         {"name", "Name is required"},
		"client_name of an unverified client must not be ours": {"name", "Name of an unverified client must not be ours"},
		"app.redirect_uris[3]: must be shorter":                {"redirect_uris", "Redirect URIs must be shorter"},
		"client_uri must be an https URL":                      {"homepage_url", "Homepage must be an https URL"},
		"policy_uri must be an https URL":                      {"policy_url", "Privacy policy must be an https URL"},
		"tos_uri must be an https URL":                         {"terms_url", "Terms of service must be an https URL"},
		"app.description: must be at most 500 characters":      {"description", "Description must be at most 500 characters"},
		"scope must be of the scope catalogue":                 {"scope", "Permissions must be of the scope catalogue"},
		"visibility must be internal, unlisted or public":      {"visibility", "Visibility must be internal, unlisted or public"},
		"application_type must be web or native":               {"client_type", "Type of app must be web or native"},
		"token_endpoint_auth_method must be none":              {"token_endpoint_auth_method", "Authentication must be none"},
		"what is asked for cannot be done for other causes":    {"", "what is asked for cannot be done for other causes"},
		"jwks is required for private_key_jwt":                 {"", "jwks is required for private_key_jwt"},
	} {
		t.Run(message, func(t *testing.T) {
			w := deskWorld(t)
			w.developer.fail = fault.New(fault.Invalid, message)
			for name, got := range map[string]answer{
				"new":  w.post("/developer/apps/new", onceForm(newAppForm), "Cookie", onceCookies),
				"edit": w.post(appURL, deskForm("revision=7&"+newAppForm), "Cookie", signedInCookies),
			} {
				got.wantStatus(t, 400)
				if !strings.Contains(got.body, "<bdi>"+tt.want+"</bdi>") {
					t.Errorf("%s: page does not say %q", name, tt.want)
				}
				// The type of an app does not change.
				fixed := name == "edit" && tt.field == "client_type"
				if tt.field != "" && !fixed && !strings.Contains(got.body, `id="complaint-`+tt.field+`"`) {
					t.Errorf("%s: the sentence is not at %s", name, tt.field)
				}
				wantTyped(t, got)
			}
		})
	}
	w := deskWorld(t)
	w.developer.fail = fault.New(fault.Exhausted, "100 apps")
	got := w.post("/developer/apps/new", onceForm(newAppForm), "Cookie", onceCookies)
	got.wantStatus(t, 400)
	wantTyped(t, got)
	w.developer.fail = rpcerr.ErrUnavailable
	w.post("/developer/apps/new", onceForm(newAppForm), "Cookie", onceCookies).wantPage(t, 503)
}

// wantTyped checks that the form holds what newAppForm typed.
func wantTyped(t *testing.T, got answer) {
	t.Helper()
	for _, want := range []string{`value=" Books "`, "Keeps", "https://a.example/cb", "https://b.example/cb", `value="https://books.example/p"`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("form lost %q", want)
		}
	}
	if !tickedIn(got.body, "public") || !tickedIn(got.body, "email") {
		t.Error("form lost a choice")
	}
}

// N221: who edits what another has changed meanwhile is told so, and loses
// nothing.
func TestN221_TwoAdminsEditOneApp(t *testing.T) {
	w := deskWorld(t)
	w.post(appURL, deskForm("revision=7&"+newAppForm), "Cookie", signedInCookies).wantStatus(t, 303)
	if got := w.developer.updated[0]; got.GetApp().GetClientId() != appID || got.GetApp().GetRevision() != 7 || got.GetApp().GetClientName() != "Books" || got.GetSub() != "u1" {
		t.Errorf("request = %v", got)
	}
	for _, revision := range []string{"6", "", "x"} {
		got := w.post(appURL, deskForm("revision="+revision+"&"+newAppForm), "Cookie", signedInCookies)
		got.wantStatus(t, 409)
		wantTyped(t, got)
		if !strings.Contains(got.body, `id="changed"`) || !strings.Contains(got.body, `href="`+appURL+`"`) {
			t.Error("page does not say that the app has changed")
		}
		if strings.Contains(got.body, `name="revision" value="7"`) {
			t.Error("sending the form again would overwrite the change")
		}
	}
	if len(w.developer.updated) != 1 {
		t.Errorf("%d updates", len(w.developer.updated))
	}
}

func TestSecretsAreRevoked(t *testing.T) {
	w := deskWorld(t)
	got := w.post(secretsURL, onceForm("action=revoke&secret_id="+secretID), "Cookie", onceCookies)
	if l := got.Header.Get("Location"); got.StatusCode != 303 || l != secretsURL+"?done=secret-revoked" {
		t.Errorf("%d to %s", got.StatusCode, l)
	}
	if req := w.developer.revoked[0]; req.GetSecretId() != secretID || req.GetClientId() != appID || req.GetSub() != "u1" {
		t.Errorf("request = %v", req)
	}
	w.post(secretsURL, onceForm("action=x"), "Cookie", onceCookies).wantPage(t, 400)
	for _, tt := range []struct {
		fail   error
		status int
		want   string
	}{
		{fault.New(fault.Invalid, "the method has no secret"), 400, "the method has no secret"},
		{fault.New(fault.Exhausted, "10 secrets"), 400, "Please check this"},
	} {
		w.developer.fail = tt.fail
		got := w.post(secretsURL, onceForm("action=create"), "Cookie", onceCookies)
		got.wantStatus(t, tt.status)
		if !strings.Contains(got.body, tt.want) || got.cookie("__Host-once") != nil {
			t.Errorf("%v: page lacks %q, or the form is spent", tt.fail, tt.want)
		}
	}
	w.developer.fail = fault.New(fault.NotFound, "no such secret")
	w.post(secretsURL, onceForm("action=revoke&secret_id="+secretID), "Cookie", onceCookies).wantPage(t, 404)
}

func TestDeletingAsksForTheName(t *testing.T) {
	w := deskWorld(t)
	for _, typed := range []string{"", "ledger sync", "Ledger", "Ledger Sync 2", appID} {
		got := w.post(appURL+"/delete", deskForm("confirm_name="+strings.ReplaceAll(typed, " ", "+")), "Cookie", signedInCookies)
		got.wantStatus(t, 400)
		if !strings.Contains(got.body, `id="complaint-confirm_name"`) {
			t.Errorf("%q: page does not say why", typed)
		}
	}
	if len(w.developer.deleted) > 0 {
		t.Fatal("deleted without its name")
	}
	got := w.post(appURL+"/delete", deskForm("confirm_name=+Ledger++Sync+"), "Cookie", signedInCookies)
	if l := got.Header.Get("Location"); got.StatusCode != 303 || l != "/developer/apps?done=app-deleted" {
		t.Errorf("%d to %s", got.StatusCode, l)
	}
	if req := w.developer.deleted[0]; req.GetClientId() != appID || req.GetSub() != "u1" {
		t.Errorf("request = %v", req)
	}
}

// part is one of a multipart form.
type part struct {
	name, filename string
	content        []byte
}

func logoParts(action string, image []byte) []part {
	return []part{
		{name: "form_token", content: []byte(tokenFor("s1"))},
		{name: "session_mark", content: []byte(mark())},
		{name: "logo", filename: "logo.png", content: image},
		{name: "action", content: []byte(action)},
	}
}

func (w *world) postLogo(t *testing.T, parts []part, headers ...string) answer {
	t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for _, p := range parts {
		disposition := fmt.Sprintf(`form-data; name=%q`, p.name)
		if p.filename != "" {
			disposition += fmt.Sprintf(`; filename=%q`, p.filename)
		}
		into, err := m.CreatePart(map[string][]string{"Content-Disposition": {disposition}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := into.Write(p.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return w.post(appURL+"/logo", body.String(), append([]string{"Cookie", signedInCookies, "Content-Type", m.FormDataContentType()}, headers...)...)
}

func TestLogosAreUploaded(t *testing.T) {
	w := deskWorld(t)
	image := append([]byte("\x89PNG\r\n\x00\xff--"), bytes.Repeat([]byte{7}, 255<<10-12)...)
	got := w.postLogo(t, logoParts("upload", image))
	if l := got.Header.Get("Location"); got.StatusCode != 303 || l != appURL+"/logo?done=logo-saved" {
		t.Fatalf("%d to %s: %.300s", got.StatusCode, l, got.body)
	}
	if req := w.developer.logos[0]; !bytes.Equal(req.GetImage(), image) || req.GetSub() != "u1" || req.GetClientId() != appID {
		t.Errorf("the image is not what was sent: %d bytes", len(req.GetImage()))
	}
	removed := w.postLogo(t, slices.Delete(logoParts("remove", nil), 2, 3))
	if l := removed.Header.Get("Location"); removed.StatusCode != 303 || l != appURL+"/logo?done=logo-removed" {
		t.Errorf("remove: %d to %s", removed.StatusCode, l)
	}
	if req := w.developer.logos[1]; len(req.GetImage()) > 0 {
		t.Error("an image was sent to remove it")
	}
}

func TestUnusableLogos(t *testing.T) {
	w := deskWorld(t)
	good := []byte("png")
	tests := []struct {
		name   string
		parts  []part
		status int
	}{
		{"none", logoParts("upload", nil), 400},
		{"one byte too long", logoParts("upload", make([]byte, 255<<10+1)), 400},
		{"far too long", logoParts("upload", make([]byte, 320<<10)), 413},
		{"no action", logoParts("", good), 400},
		{"another field", append(logoParts("upload", good), part{name: "client_id", content: []byte("x")}), 400},
		{"two files", append(logoParts("upload", good), part{name: "logo", filename: "b.png", content: good}), 400},
		{"two actions", append(logoParts("upload", good), part{name: "action", content: []byte("remove")}), 400},
		{"a long text", append(slices.Delete(logoParts("upload", good), 3, 4), part{name: "action", content: bytes.Repeat([]byte("x"), 4<<10+1)}), 400},
		{"a text that is none", append(slices.Delete(logoParts("upload", good), 3, 4), part{name: "action", content: []byte("\xff")}), 400},
		{"many fields", slices.Repeat(logoParts("upload", nil), 3), 400},
		{"no form token", logoParts("upload", good)[1:], 403},
		{"another's form token", append(logoParts("upload", good)[1:], part{name: "form_token", content: []byte(tokenFor("s2"))}), 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.postLogo(t, tt.parts).wantStatus(t, tt.status)
		})
	}
	if got := w.postLogo(t, logoParts("upload", make([]byte, 320<<10))); !strings.Contains(got.body, "This is too large") {
		t.Error("page does not say that the picture is too large")
	}
	w.postLogo(t, logoParts("upload", good), "Sec-Fetch-Site", "cross-site").wantPage(t, 403)
	for _, contentType := range []string{"multipart/form-data", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x", "image/png"} {
		w.post(appURL+"/logo", deskForm("action=remove"), "Cookie", signedInCookies, "Content-Type", contentType).wantPage(t, 400)
	}
	w.post(appURL+"/logo", "--x\r\nContent-Dis", "Cookie", signedInCookies, "Content-Type", "multipart/form-data; boundary=x").wantPage(t, 400)
	if len(w.developer.logos) > 0 {
		t.Fatal("an unusable logo reached the service")
	}
	w.developer.fail = fault.New(fault.Invalid, "image is no PNG or JPEG")
	got := w.postLogo(t, logoParts("upload", good))
	got.wantStatus(t, 400)
	if !strings.Contains(got.body, `id="complaint-logo"`) {
		t.Error("page does not say why")
	}
}
